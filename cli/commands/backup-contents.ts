import { defineCommand } from '../command.ts';
import { backup } from '../parameters.ts';
import { contentColumns } from '../views/contents.ts';

export const command = defineCommand({
  name: 'backup-contents',
  group: 'Backups',
  summary: 'List what is in a backup: databases, tables, files, with sizes and rows',
  description: 'It reads the index of the backup, which needs the index key only.',
  positionals: { backup },
  flags: {},
  prints: 'list',
  examples: [['backupctl backup-contents orders@latest', 'What the newest backup holds']],
  async run(args, context) {
    const client = await context.client();
    await context.output.stream(client.backupContentLines(args.backup), contentColumns);
  },
});
