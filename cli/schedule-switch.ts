import type { BackupClient } from '../client/client.ts';
import type { Schedule } from '../client/types.ts';
import { defineCommand } from './command.ts';
import { schedule } from './parameters.ts';
import { shownScheduleProperties } from './views/schedule.ts';

interface Switch {
  name: string;
  summary: string;
  example: [command: string, meaning: string];
  turn(client: BackupClient, schedule: string, note: string | undefined): Promise<Schedule>;
}

/** A command that lets a schedule fire, or keeps it from that. */
export const scheduleSwitch = ({ name, summary, example, turn }: Switch) =>
  defineCommand({
    name,
    group: 'Schedules',
    summary,
    positionals: { schedule },
    flags: { note: { type: 'text', value: 'TEXT', describe: 'why, for whoever looks at it next' } },
    prints: 'thing',
    examples: [example],
    async run(args, context) {
      const changed = await turn(await context.client(), args.schedule, args.note);
      await context.output.thing(changed, shownScheduleProperties(changed));
    },
  });
