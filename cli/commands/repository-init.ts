import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'repository-init',
  group: 'Repository and keys',
  summary: 'Make a repository, and the keys that it needs where there are none',
  description:
    'A bucket has to exist. A store that replaces an object where it must refuse to is found out, and refused. `up` does the same by itself the first time.',
  positionals: {},
  flags: {},
  prints: 'thing',
  examples: [
    [
      'backupctl repository-init --data-dir /srv/backupctl',
      'In the directory `repository` of the data directory',
    ],
    ['backupctl repository-init --config backupctl.yaml', 'Where the configuration file says'],
  ],
  async run(_args, context) {
    const { initRepository } = await import('../../config/repository.ts');
    const made = await initRepository(await context.config(), { now: new Date() });
    const { document } = made;
    await context.output.thing(
      { ...document, created: made.created, keysCreated: made.keysCreated, location: made.location },
      {
        created: { value: made.created, show: 'always' },
        format: { value: document.format, show: 'always' },
        id: { value: document.id, show: 'always' },
        index_recipients: { value: document.index_recipients.join(', '), show: 'always' },
        keys_created: { value: made.keysCreated, show: 'always' },
        location: { value: made.location, show: 'always' },
        recipients: { value: document.recipients.join(', '), show: 'always' },
      },
    );
  },
});
