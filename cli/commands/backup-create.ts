import type { Backup } from '../../client/types.ts';
import { defineCommand } from '../command.ts';
import { instance, selection, wait } from '../parameters.ts';
import { selectionOf } from '../selection.ts';
import { backupProperties } from '../views/backup.ts';
import { printRun } from '../waiting.ts';

export const command = defineCommand({
  name: 'backup-create',
  group: 'Backups',
  summary: 'Back an instance up now',
  positionals: { instance, name: { describe: 'name of the backup' } },
  flags: {
    description: { type: 'text', value: 'TEXT', describe: 'stands in the backup', allowEmpty: true },
    incremental: {
      type: 'switch',
      describe: 'only what changed since the last backup, for engines that can',
    },
    parentId: { type: 'text', value: 'BACKUP', describe: 'only what changed since this backup' },
    ...selection,
    ...wait,
  },
  prints: 'thing',
  handlesInterrupt: 'waiting',
  examples: [
    ['backupctl backup-create orders before-migration --wait', 'And wait until it can be restored'],
    ['backupctl backup-create orders schema --schema-only', 'Tables without rows'],
  ],
  async run(args, context) {
    const client = await context.client();
    const started = await client.backupCreate(args.instance, args.name, {
      description: args.description,
      incremental: args.incremental,
      parentId: args.parentId,
      selection: selectionOf(args),
      yieldToDdl: args.yieldToDdl,
    });
    return printRun<Backup>(
      {
        executionId: started.executionId ?? '',
        started,
        reload: () => client.backupShow(started.id),
        print: (shown) => context.output.thing(shown, backupProperties(shown)),
      },
      args.wait,
      context,
    );
  },
});
