import { defineCommand } from '../command.ts';
import { workbook } from '../parameters.ts';
import { workbookProperties } from '../views/workbook.ts';

export const command = defineCommand({
  name: 'workbook-show',
  group: 'Workbooks',
  summary: 'Show a workbook',
  positionals: { name: workbook },
  flags: {
    definition: { type: 'switch', describe: 'print its text alone, as it was given, to the byte' },
  },
  prints: 'thing',
  examples: [
    ['backupctl workbook-show trove', 'Its workflows and actions'],
    ['backupctl workbook-show trove --definition > trove.yaml', 'To change it'],
  ],
  async run(args, context) {
    const client = await context.client();
    const shown = await client.workbookShow(args.name);
    if (args.definition) process.stdout.write(shown.definition);
    else await context.output.thing(shown, workbookProperties(shown));
  },
});
