import { defineCommand } from '../command.ts';
import { execution } from '../parameters.ts';
import { executionProperties, stepColumns } from '../views/execution.ts';
import { runProperties, taskColumns } from '../views/workbook.ts';

export const command = defineCommand({
  name: 'execution-show',
  group: 'Executions',
  summary: 'Show an execution and its steps, or its tasks, also while it runs',
  positionals: { execution },
  flags: {},
  prints: 'thing',
  examples: [
    [
      'backupctl execution-show 38ef2289-4330-4554-8574-4b5351f69713',
      'Each step with its attempts and bytes',
    ],
  ],
  async run(args, context) {
    const client = await context.client();
    const shown = await client.executionShow(args.execution);
    const { workflow } = shown;
    if (workflow !== undefined) {
      await context.output.thing(workflow, runProperties(workflow));
      if (context.output.format === 'table') await context.output.list(workflow.tasks, taskColumns);
      return;
    }
    await context.output.thing(shown, executionProperties(shown));
    if (context.output.format === 'table') await context.output.list(shown.steps, stepColumns);
  },
});
