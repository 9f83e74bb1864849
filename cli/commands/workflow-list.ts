import { defineCommand } from '../command.ts';
import { workflowColumns } from '../views/workbook.ts';

export const command = defineCommand({
  name: 'workflow-list',
  group: 'Workbooks',
  summary: 'List the workflows of all workbooks',
  positionals: {},
  flags: {},
  prints: 'list',
  examples: [['backupctl workflow-list', 'By the names that `workflow-run` takes, with their input']],
  async run(_args, context) {
    const client = await context.client();
    await context.output.list(await client.workflowList(), workflowColumns);
  },
});
