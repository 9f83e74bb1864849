import type { Schedule } from '../../client/types.ts';
import { formatDuration } from '../duration.ts';
import { formatHooks } from '../hooks.ts';
import { formatMaxAge } from '../max-age.ts';
import { utcMicroseconds } from '../output/cell.ts';
import type { Column, Property } from '../output/output.ts';

const day = 86_400;

/** The seed's four columns, and more with `--long`. */
export const scheduleColumns: readonly Column<Schedule>[] = [
  { header: 'ID', value: ({ id }) => id },
  { header: 'Name', value: ({ name }) => name },
  { header: 'Pattern', value: ({ pattern }) => pattern },
  { header: 'Next Execution Time', value: ({ nextExecutionTime }) => nextExecutionTime },
  { header: 'Time Zone', value: ({ timezone }) => timezone, long: true },
  { header: 'Instance', value: ({ instanceName }) => instanceName, long: true },
  { header: 'Workflow', value: ({ workflow }) => workflow?.name ?? null, long: true },
  { header: 'Keep Last', value: ({ keepLast }) => keepLast, long: true },
  { header: 'Paused', value: ({ paused }) => paused, long: true },
];

/** The seed's eight rows; others where they are not the default. */
export function scheduleProperties(schedule: Schedule): Record<string, Property> {
  const always = (value: unknown): Property => ({ value, show: 'always' });
  const set = (value: unknown, isDefault: boolean): Property => ({ value, show: 'set', isDefault });
  return {
    created_at: always(schedule.createdAt),
    id: always(schedule.id),
    input: always(schedule.workflow?.input ?? schedule.input),
    instance: always(schedule.instance),
    name: always(schedule.name),
    next_execution_time: always(schedule.nextExecutionTime),
    parent_id: always(schedule.parentId),
    pattern: always(schedule.pattern),
    catchup_window: set(formatDuration(schedule.catchupWindow), schedule.catchupWindow === day),
    description: set(schedule.description, schedule.description === null),
    hooks: set(formatHooks(schedule.hooks), schedule.hooks.length === 0),
    incremental: set(schedule.incremental, !schedule.incremental),
    instance_name: { value: schedule.instanceName, show: 'long' },
    jitter: set(formatDuration(schedule.jitter), schedule.jitter === 0),
    keep_last: set(schedule.keepLast, schedule.keepLast === null),
    max_age: set(formatMaxAge(schedule.maxAge), schedule.maxAge === null),
    note: set(schedule.note, schedule.note === null),
    on_busy: set(schedule.onBusy, schedule.onBusy === 'wait'),
    overlap: set(schedule.overlap, schedule.overlap === 'skip'),
    paused: set(schedule.paused, !schedule.paused),
    timezone: set(schedule.timezone, schedule.timezone === 'UTC'),
    workflow: set(schedule.workflow?.name, schedule.workflow === null),
    workflow_params: set(
      schedule.workflow?.params,
      Object.keys(schedule.workflow?.params ?? {}).length === 0,
    ),
  };
}

/** As `schedule-create` prints it: the time of creation with its fraction, as in the seed. */
export function createdScheduleProperties(schedule: Schedule): Record<string, Property> {
  return {
    ...scheduleProperties(schedule),
    created_at: { value: utcMicroseconds(schedule.createdAt), show: 'always' },
  };
}

/** As `schedule-show` and what changes a schedule print it: with `updated_at`. */
export function shownScheduleProperties(schedule: Schedule): Record<string, Property> {
  return { ...scheduleProperties(schedule), updated_at: { value: schedule.updatedAt, show: 'always' } };
}
