import { defineCommand } from '../command.ts';
import { actionColumns } from '../views/workbook.ts';

export const command = defineCommand({
  name: 'action-list',
  group: 'Workbooks',
  summary: 'List the actions that tasks can run',
  positionals: {},
  flags: {},
  prints: 'list',
  examples: [['backupctl action-list', 'Those that are built in, and those that workbooks make of them']],
  async run(_args, context) {
    const client = await context.client();
    await context.output.list(await client.actionList(), actionColumns);
  },
});
