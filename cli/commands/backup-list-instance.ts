import { defineCommand } from '../command.ts';
import { pageOrAll } from '../pages.ts';
import { instance, paging } from '../parameters.ts';
import { instanceBackupColumns } from '../views/backup.ts';

export const command = defineCommand({
  name: 'backup-list-instance',
  group: 'Backups',
  summary: 'List the backups of an instance, the oldest first',
  positionals: { instance },
  flags: { ...paging },
  prints: 'list',
  examples: [['backupctl backup-list-instance orders', 'With those in progress']],
  async run(args, context) {
    const client = await context.client();
    const { instance, limit, marker } = args;
    const backups = await pageOrAll(
      (page) => client.backupList({ instance, ...page }),
      { limit, marker },
      (line) => context.output.note(line),
    );
    await context.output.list(backups, instanceBackupColumns);
  },
});
