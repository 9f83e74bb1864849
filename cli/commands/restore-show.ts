import { defineCommand } from '../command.ts';
import { restore } from '../parameters.ts';
import { restoredColumns, restoreProperties } from '../views/restore.ts';

export const command = defineCommand({
  name: 'restore-show',
  group: 'Restores',
  summary: 'Show a restore, and what became of each database',
  positionals: { restore },
  flags: {},
  prints: 'thing',
  examples: [['backupctl restore-show 0e0a2a0c-9d0f-4f0e-8a51-6a5d5f2b7a10', 'Also while it runs']],
  async run(args, context) {
    const client = await context.client();
    const shown = await client.restoreShow(args.restore);
    await context.output.thing(shown, restoreProperties(shown));
    if (context.output.format === 'table' && shown.databases.length > 0) {
      await context.output.list(shown.databases, restoredColumns);
    }
  },
});
