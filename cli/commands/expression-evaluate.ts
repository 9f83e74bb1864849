import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import { defineCommand } from '../command.ts';
import { jsonArgument } from '../json-argument.ts';

export const command = defineCommand({
  name: 'expression-evaluate',
  group: 'Workbooks',
  summary: 'Evaluate an expression, and print what it gives as JSON',
  description:
    'YAQL between `<%` and `%>` sees the data as `$`, Jinja between `{{` and `}}` as `_`; a text with neither is taken for YAQL. No platform is needed; functions that look at a run (`task()`, `execution()`) are not there.',
  positionals: {
    expression: { describe: 'the expression' },
    data: { describe: 'what it sees, as JSON, such as \'{"x": 1}\'', optional: true },
  },
  flags: {},
  prints: 'nothing',
  examples: [
    [`backupctl expression-evaluate '<% $.sizes.sum() %>' '{"sizes": [1, 2, 3]}'`, 'It prints 6'],
    [`backupctl expression-evaluate '{{ _.name | upper }}' '{"name": "orders"}'`, 'The same in Jinja'],
  ],
  async run(args, context) {
    const data = args.data === undefined ? {} : jsonArgument(args.data, 'the data');
    const { tryExpression } = await import('../expression.ts');
    try {
      await context.output.data(tryExpression(args.expression, data));
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'ExpressionError') throw error;
      throw new BackupctlError('usage', `the expression cannot be evaluated: ${messageOf(error)}`, {
        cause: error,
      });
    }
  },
});
