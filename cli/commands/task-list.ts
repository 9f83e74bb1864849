import { defineCommand } from '../command.ts';
import { execution } from '../parameters.ts';
import { taskColumns } from '../views/workbook.ts';

export const command = defineCommand({
  name: 'task-list',
  group: 'Executions',
  summary: "List the tasks of a workflow's run, in the order in which they were made",
  positionals: { execution },
  flags: {},
  prints: 'list',
  examples: [
    [
      'backupctl task-list 38ef2289-4330-4554-8574-4b5351f69713',
      'One that a cycle reached twice stands twice',
    ],
  ],
  async run(args, context) {
    const client = await context.client();
    await context.output.list(await client.taskList(args.execution), taskColumns);
  },
});
