import { defineCommand } from '../command.ts';
import { workflow } from '../parameters.ts';
import { workflowProperties } from '../views/workbook.ts';

export const command = defineCommand({
  name: 'workflow-show',
  group: 'Workbooks',
  summary: 'Show a workflow',
  positionals: { name: workflow },
  flags: {},
  prints: 'thing',
  examples: [['backupctl workflow-show trove.backup_create', 'Its input and its tasks']],
  async run(args, context) {
    const client = await context.client();
    const shown = await client.workflowShow(args.name);
    await context.output.thing(shown, workflowProperties(shown));
  },
});
