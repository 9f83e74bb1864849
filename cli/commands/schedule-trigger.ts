import { defineCommand } from '../command.ts';
import { schedule, wait } from '../parameters.ts';
import { executionProperties } from '../views/execution.ts';
import { waitForRun } from '../waiting.ts';

export const command = defineCommand({
  name: 'schedule-trigger',
  group: 'Schedules',
  summary: 'Start a run of a schedule now',
  positionals: { schedule },
  flags: { ...wait },
  prints: 'thing',
  handlesInterrupt: true,
  examples: [
    ['backupctl schedule-trigger fb149a29-be9b-49c1-a2f7-ca6c1213896f --wait', 'And wait for its end'],
  ],
  async run(args, context) {
    const client = await context.client();
    const started = await client.scheduleTrigger(args.schedule);
    const exitCode = args.wait ? await waitForRun(started.id, context) : 0;
    const shown = args.wait ? await client.executionShow(started.id) : started;
    await context.output.thing(shown, executionProperties(shown));
    return exitCode;
  },
});
