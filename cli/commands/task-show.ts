import { defineCommand } from '../command.ts';
import { actionExecutionColumns, taskProperties } from '../views/workbook.ts';

export const command = defineCommand({
  name: 'task-show',
  group: 'Executions',
  summary: "Show a task of a workflow's run, and the actions that it ran",
  description:
    'A task is looked for by its id in the newest thousand runs; with --execution in that alone, by its name as well.',
  positionals: { task: { describe: "task's id; with --execution also its name (the newest of that name)" } },
  flags: {
    execution: { type: 'text', value: 'EXECUTION', describe: 'the run that it belongs to' },
  },
  prints: 'thing',
  examples: [
    [
      'backupctl task-show dump --execution 38ef2289-4330-4554-8574-4b5351f69713',
      'Each attempt and each item with what it gave',
    ],
  ],
  async run(args, context) {
    const client = await context.client();
    const shown = await client.taskShow(args.task, args.execution);
    await context.output.thing(shown, taskProperties(shown));
    if (context.output.format === 'table')
      await context.output.list(shown.executions, actionExecutionColumns);
  },
});
