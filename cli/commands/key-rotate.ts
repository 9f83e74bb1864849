import { defineCommand } from '../command.ts';
import { keyProperties } from '../views/keys.ts';

const kinds = ['data', 'index', 'signing'] as const;

export const command = defineCommand({
  name: 'key-rotate',
  group: 'Repository and keys',
  summary: 'Make new keys for new backups; old backups stay readable with the old ones',
  positionals: {},
  flags: {
    data: { type: 'switch', describe: 'a new identity (this is what is renewed when nothing is named)' },
    index: { type: 'switch', describe: 'a new index identity' },
    signing: { type: 'switch', describe: 'a new signing key; the old one stays trusted' },
  },
  prints: 'thing',
  examples: [
    ['backupctl key-rotate', 'A new identity'],
    ['backupctl key-rotate --data --index --signing', 'All of them'],
  ],
  async run(args, context) {
    const { rotateKeys } = await import('../../repository/keys.ts');
    const config = await context.config();
    const named = kinds.filter((kind) => args[kind]);
    const keys = await rotateKeys(config.keyFiles, {
      now: new Date(),
      which: named.length > 0 ? named : ['data'],
    });
    const made = { id: keys.signer, ...keys, files: config.keyFiles };
    await context.output.thing(made, keyProperties(keys, config.keyFiles));
    context.output.note('a platform or a worker that runs now uses new keys after its next start');
    if (named.length > 0 && !named.includes('data')) return;
    if (config.recipients === null || config.recipients.includes(keys.recipient)) return;
    context.output.note(
      `put ${keys.recipient} below encryption.recipients: that list decides who opens new backups`,
    );
  },
});
