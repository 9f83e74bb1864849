import { parseDefinitions } from '../../workbooks/language/check.ts';
import type { Fault } from '../../workbooks/language/definition.ts';
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { visible } from '../output/visible.ts';
import { workbookFile } from '../parameters.ts';
import { readWorkbookFile } from '../workbook-file.ts';

export const command = defineCommand({
  name: 'workbook-validate',
  group: 'Workbooks',
  summary: 'Check a workbook, and name every fault',
  description:
    'Each fault is a line `file:line:column: key: what is wrong`. It takes a workbook, or a list of workflows or of actions that belong to none. No platform is needed.',
  positionals: { file: workbookFile },
  flags: {},
  prints: 'nothing',
  examples: [
    ['backupctl workbook-validate nightly.yaml', 'It prints nothing, and its exit code is 0, if all is well'],
  ],
  async run(args, context) {
    const { faults, warnings } = parseDefinitions(await readWorkbookFile(args.file));
    const line = (fault: Fault) => {
      const { line, column, key, message } = fault;
      return visible(`${args.file}:${line}:${column}: ${key === '' ? '' : `${key}: `}${message}`);
    };
    for (const each of warnings) context.output.note(`warning: ${line(each)}`);
    if (context.output.format !== 'table') {
      await context.output.document({ valid: faults.length === 0, faults, warnings });
    } else if (faults.length > 0) context.output.text(faults.map(line).join('\n'));
    return faults.length === 0 ? exitCodes.ok.code : exitCodes.usage.code;
  },
});
