import { defineCommand } from '../command.ts';
import { workflow } from '../parameters.ts';

export const command = defineCommand({
  name: 'workflow-delete',
  group: 'Workbooks',
  summary: 'Delete a workflow that belongs to no workbook; runs that have begun go on',
  positionals: { name: workflow },
  flags: {},
  prints: 'nothing',
  examples: [['backupctl workflow-delete nightly', 'It does not ask']],
  async run(args, context) {
    const client = await context.client();
    await client.workflowDelete(args.name);
  },
});
