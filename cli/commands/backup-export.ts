import { resolve } from 'node:path';
import { defineCommand } from '../command.ts';
import { formatSize } from '../output/size.ts';
import { backup } from '../parameters.ts';

export const command = defineCommand({
  name: 'backup-export',
  group: 'Backups',
  summary: 'Copy a backup into a directory, sealed as it is or unsealed',
  positionals: { backup },
  flags: {
    toDirectory: {
      type: 'file',
      value: 'DIRECTORY',
      required: true,
      describe: 'a directory that is empty, or new',
    },
    unsealed: {
      type: 'switch',
      describe: "open it with the identity: files for zstd and the database's own tools",
    },
  },
  prints: 'list',
  handlesInterrupt: 'always',
  examples: [
    [
      'backupctl backup-export orders@latest --to-directory /mnt/usb',
      'Sealed; nobody can read it without the key',
    ],
    ['backupctl backup-export orders@latest --to-directory /tmp/dump --unsealed', 'Ready for pg_restore'],
  ],
  async run(args, context) {
    const client = await context.client();
    const files = await client.backupExport(args.backup, {
      directory: resolve(args.toDirectory),
      unsealed: args.unsealed,
      signal: context.interrupted,
      onProgress: context.showProgress,
    });
    context.progress.clear();
    await context.output.list(files, [
      { header: 'File', value: ({ path }) => path },
      { header: 'Size', value: ({ size }) => formatSize(size) },
    ]);
  },
});
