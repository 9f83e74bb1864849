import { BackupctlError } from '../../errors/backupctl-error.ts';
import { parseDefinitions } from '../../workbooks/language/check.ts';
import { defineCommand } from '../command.ts';
import { workbookFile } from '../parameters.ts';
import { changeColumns } from '../views/workbook.ts';
import { readWorkbookFile } from '../workbook-file.ts';

export const command = defineCommand({
  name: 'workbook-create',
  group: 'Workbooks',
  summary: 'Put a workbook into the registry',
  description:
    'A list of workflows or of actions that belong to no workbook is taken as well: each of them is then a thing of its own. Runs that have begun keep to what they began with.',
  positionals: { file: workbookFile },
  flags: {
    update: { type: 'switch', describe: 'change what exists, and create what does not' },
  },
  prints: 'list',
  examples: [
    ['backupctl workbook-create nightly.yaml', 'It is refused where one of that name exists'],
    ['backupctl workbook-create nightly.yaml --update', 'The next run follows the new one'],
  ],
  async run(args, context) {
    const text = await readWorkbookFile(args.file);
    const { faults } = parseDefinitions(text);
    const [first] = faults;
    if (first !== undefined) {
      const { line, column, key, message } = first;
      const more = faults.length === 1 ? '' : ` (and ${faults.length - 1} more)`;
      const place = `${args.file}:${line}:${column}: ${key === '' ? '' : `${key}: `}`;
      throw new BackupctlError('usage', `${place}${message}${more}`, {
        hint: `\`backupctl workbook-validate ${args.file}\` names every fault`,
      });
    }
    const client = await context.client();
    await context.output.list(await client.workbookCreate(text, { update: args.update }), changeColumns);
  },
});
