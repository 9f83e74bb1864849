import { BackupctlError } from '../../errors/backupctl-error.ts';
import { defineCommand } from '../command.ts';
import { pageOrAll } from '../pages.ts';
import { instance, paging, schedule } from '../parameters.ts';
import { executionColumns, runColumns } from '../views/execution.ts';

export const command = defineCommand({
  name: 'execution-list',
  group: 'Executions',
  summary: 'List the executions of a schedule, of an instance, or of all workflows, the oldest first',
  description:
    "Without SCHEDULE and --instance it lists the runs of workflows. With --limit the newest are printed; the first row's id is the --marker of the page before them.",
  positionals: { schedule: { ...schedule, optional: true } },
  flags: {
    instance: {
      type: 'text',
      value: 'INSTANCE',
      describe: `those of an instance instead, by hand as well: ${instance.describe}`,
    },
    ...paging,
  },
  prints: 'list',
  examples: [
    [
      'backupctl execution-list fb149a29-be9b-49c1-a2f7-ca6c1213896f --limit 20',
      'The last twenty of a schedule',
    ],
    ['backupctl execution-list', 'All runs of workflows of workbooks'],
    ['backupctl execution-list --instance orders --json', 'All of an instance, for a program'],
  ],
  async run(args, context) {
    const { limit, marker } = args;
    if (args.schedule !== undefined && args.instance !== undefined) {
      throw new BackupctlError('usage', 'either SCHEDULE or --instance, not both (execution-list)', {
        hint: 'see `backupctl execution-list --help`',
      });
    }
    const client = await context.client();
    const { schedule, instance } = args;
    if (schedule === undefined && instance === undefined) {
      const runs = await pageOrAll((page) => client.workflowExecutionList(page), { limit, marker });
      return context.output.list(runs, runColumns);
    }
    const executions = await pageOrAll(
      (page) =>
        schedule === undefined
          ? client.executionListByInstance(instance ?? '', page)
          : client.executionList(schedule, page),
      { limit, marker },
    );
    await context.output.list(executions, executionColumns);
  },
});
