import { defineCommand } from '../command.ts';
import { keyProperties } from '../views/keys.ts';

export const command = defineCommand({
  name: 'key-create',
  group: 'Repository and keys',
  summary: 'Make the keys: identity, index identity and signing key, each in a new file',
  description:
    'Files that exist are never overwritten. Keep a copy of the identity away from this machine: without it nobody opens the backups. `up` makes the keys by itself the first time.',
  positionals: {},
  flags: {},
  prints: 'thing',
  examples: [['backupctl key-create --data-dir /srv/backupctl', 'Into the data directory, mode 0600']],
  async run(_args, context) {
    const { mkdir } = await import('node:fs/promises');
    const { createKeys } = await import('../../repository/keys.ts');
    const config = await context.config();
    await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
    const keys = await createKeys(config.keyFiles, { now: new Date() });
    const made = { id: keys.signer, ...keys, files: config.keyFiles };
    await context.output.thing(made, keyProperties(keys, config.keyFiles));
  },
});
