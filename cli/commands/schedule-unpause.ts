import { scheduleSwitch } from '../schedule-switch.ts';

export const command = scheduleSwitch({
  name: 'schedule-unpause',
  summary: 'Let a paused schedule fire again',
  example: [
    'backupctl schedule-unpause fb149a29-be9b-49c1-a2f7-ca6c1213896f --note "the new disk is in"',
    'From its next fire on',
  ],
  turn: (client, schedule, note) => client.scheduleUnpause(schedule, note),
});
