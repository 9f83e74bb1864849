import { scheduleSwitch } from '../schedule-switch.ts';

export const command = scheduleSwitch({
  name: 'schedule-pause',
  summary: 'Keep a schedule from firing',
  example: [
    'backupctl schedule-pause fb149a29-be9b-49c1-a2f7-ca6c1213896f --note "the disk is being replaced"',
    'Until it is unpaused',
  ],
  turn: (client, schedule, note) => client.schedulePause(schedule, note),
});
