import { defineCommand } from '../command.ts';
import { workbook } from '../parameters.ts';

export const command = defineCommand({
  name: 'workbook-delete',
  group: 'Workbooks',
  summary: 'Delete a workbook; runs that have begun go on',
  positionals: { name: workbook },
  flags: {},
  prints: 'nothing',
  examples: [['backupctl workbook-delete nightly', 'It does not ask']],
  async run(args, context) {
    const client = await context.client();
    await client.workbookDelete(args.name);
  },
});
