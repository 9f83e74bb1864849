import { defineCommand } from '../command.ts';
import { pageOrAll } from '../pages.ts';
import { paging } from '../parameters.ts';
import { backupColumns, deletedBackupColumns } from '../views/backup.ts';

export const command = defineCommand({
  name: 'backup-list',
  group: 'Backups',
  summary: 'List the backups, the oldest first, with those in progress',
  positionals: {},
  flags: {
    instance: { type: 'text', value: 'INSTANCE', describe: 'those of one instance: its name or id' },
    datastore: { type: 'text', value: 'DATASTORE', describe: 'those of one kind, such as postgres' },
    deleted: {
      type: 'switch',
      describe: 'those that are deleted and can be brought back, and until when at least',
    },
    ...paging,
  },
  prints: 'list',
  examples: [
    ['backupctl backup-list --instance orders --limit 10', 'The last ten of an instance'],
    ['backupctl backup-list --deleted', 'What `backup-undelete` can bring back'],
    ['backupctl backup-list --json', 'All of them, for a program'],
  ],
  async run(args, context) {
    const client = await context.client();
    const { instance, datastore, deleted, limit, marker } = args;
    const backups = await pageOrAll(
      (page) => client.backupList({ instance, datastore, deleted, ...page }),
      { limit, marker },
      (line) => context.output.note(line),
    );
    await context.output.list(backups, deleted ? deletedBackupColumns : backupColumns);
  },
});
