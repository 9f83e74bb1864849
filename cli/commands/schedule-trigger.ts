import { defineCommand } from '../command.ts';
import { schedule, wait } from '../parameters.ts';
import { printExecution } from '../waiting.ts';

export const command = defineCommand({
  name: 'schedule-trigger',
  group: 'Schedules',
  summary: 'Start a run of a schedule now',
  positionals: { schedule },
  flags: { ...wait },
  prints: 'thing',
  handlesInterrupt: 'waiting',
  examples: [
    ['backupctl schedule-trigger fb149a29-be9b-49c1-a2f7-ca6c1213896f --wait', 'And wait for its end'],
  ],
  async run(args, context) {
    const client = await context.client();
    const started = await client.scheduleTrigger(args.schedule);
    return printExecution(started, args.wait, context);
  },
});
