import { defineCommand } from '../command.ts';
import { workbookColumns } from '../views/workbook.ts';

export const command = defineCommand({
  name: 'workbook-list',
  group: 'Workbooks',
  summary: 'List the workbooks',
  positionals: {},
  flags: {},
  prints: 'list',
  examples: [['backupctl workbook-list --long', 'With the workflows and actions of each']],
  async run(_args, context) {
    const client = await context.client();
    await context.output.list(await client.workbookList(), workbookColumns);
  },
});
