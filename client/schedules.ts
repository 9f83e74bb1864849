import { randomUUID } from 'node:crypto';
import type { ScheduleDescription } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Hook } from '../repository/hook.ts';
import {
  type BackupCreateInput,
  type RunPolicy,
  type ScheduledWorkflow,
  searchAttributes,
} from '../workflows/types.ts';
import { quoted } from './attributes.ts';
import { concurrently } from './concurrently.ts';
import { isAlreadyThere } from './grpc-errors.ts';
import type { InstanceNames } from './instance-names.ts';
import { toRecord } from './max-age.ts';
import type { Draft } from './schedule-change.ts';
import { describeSchedule, listedSchedules } from './schedule-lookup.ts';
import { noticesOf } from './schedule-notices.ts';
import {
  argumentsOf,
  runKind,
  scheduledWorkflow,
  scheduledWorkflowId,
  scheduleRequest,
  toSchedule,
} from './schedule-record.ts';
import type { Surroundings } from './surroundings.ts';
import type {
  Backfill,
  CreatedSchedule,
  Execution,
  Schedule,
  ScheduleChanges,
  ScheduleOptions,
} from './types.ts';
import { until } from './until.ts';

/** How many schedules are described at a time while listing. */
const DESCRIBES = 20;
const DAY = 86_400;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Schedules: each is a Temporal schedule under a UUID. */
export class Schedules {
  readonly #surroundings: Surroundings;
  readonly #instances: InstanceNames;

  constructor(surroundings: Surroundings, instances: InstanceNames) {
    this.#surroundings = surroundings;
    this.#instances = instances;
  }

  /** See {@link BackupClient.scheduleCreate}. */
  async create(
    instanceName: string | null,
    pattern: string,
    name: string,
    options: ScheduleOptions,
  ): Promise<CreatedSchedule> {
    const { checkName, checkPolicies } = await import('./schedule-options.ts');
    const { checkPattern } = await import('../cron/pattern.ts');
    const { checkTimezone } = await import('../cron/timezone.ts');
    const cron = await checkPattern(pattern);
    const timezone = checkTimezone(options.timezone ?? 'UTC');
    checkPolicies(options);
    checkName(name);
    const id = randomUUID();
    const input = await this.#inputOf(instanceName, name, options);
    const policy: RunPolicy = {
      schedule_id: id,
      overlap: options.overlap ?? 'skip',
      on_busy: options.onBusy ?? 'wait',
      catchup_window: options.catchupWindow ?? DAY,
      active_since: new Date().toISOString(),
      ...(options.keepLast === undefined ? {} : { keep_last: options.keepLast }),
      ...toRecord(options.maxAge),
    };
    const link = await this.#surroundings.temporal();
    const taskQueue = await this.#surroundings.taskQueue();
    const request = scheduleRequest(
      {
        id,
        pattern: cron,
        timezone,
        jitter: options.jitter ?? 0,
        paused: options.paused ?? false,
        note: null,
        input,
        policy,
      },
      taskQueue,
    );
    await link.call(async ({ schedule }) => {
      try {
        await schedule.create(request);
      } catch (error) {
        // Nobody else has this id: it was our own call, whose answer was lost.
        if (isAlreadyThere(error)) return;
        throw error instanceof TypeError
          ? new BackupctlError('usage', `Temporal refuses the pattern or the zone: ${error.message}`, {
              hint: 'see `backupctl schedule-create --help` for what a pattern may be',
              cause: error,
            })
          : error;
      }
    });
    const created = await this.show(id);
    await until(
      async () =>
        (await listedSchedules(this.#surroundings, `${searchAttributes.schedule} = ${quoted(id)}`)).length >
        0,
    );
    return { ...created, notices: await noticesOf(link, created) };
  }

  /** What each run gets. @throws BackupctlError usage, not-found, ambiguous */
  async #inputOf(
    instanceName: string | null,
    name: string,
    options: ScheduleOptions,
  ): Promise<BackupCreateInput> {
    const instance = instanceName === null ? null : await this.#instances.named(instanceName);
    const words = { description: options.description ?? null, parent_id: options.parentId ?? null, name };
    if (options.workflow !== undefined) {
      const { checkNoneOfBackups, scheduledWorkflowOf } = await import('./scheduled-workflow.ts');
      checkNoneOfBackups(options);
      const { repository } = await this.#surroundings.reading();
      const workflow = await scheduledWorkflowOf(repository, options.workflow, {
        instance: instance?.id ?? null,
        parentId: words.parent_id,
        ...words,
      });
      return { instance: instance?.id ?? '', ...words, workflow };
    }
    if (instance === null) {
      throw new BackupctlError('usage', 'a schedule of backups needs an instance', {
        hint: 'name one, or a workflow',
      });
    }
    const [{ checkAbilities }, { checkedHooks }] = await Promise.all([
      import('./abilities.ts'),
      import('./hooks.ts'),
    ]);
    await checkAbilities(instance, options);
    return {
      instance: instance.id,
      ...words,
      ...(options.incremental ? { incremental: true } : {}),
      ...(options.selection === undefined ? {} : { selection: options.selection }),
      ...(options.yieldToDdl === undefined ? {} : { yield_to_ddl: options.yieldToDdl }),
      ...(await checkedHooks(options.hooks, instance)),
    };
  }

  /** See {@link BackupClient.scheduleList}. */
  async list(instanceName?: string): Promise<Schedule[]> {
    // Both are opened at once: neither needs the other.
    const opening = this.#surroundings.temporal();
    opening.catch(() => undefined);
    let query = `${searchAttributes.kind} = 'backup'`;
    if (instanceName !== undefined) {
      const instance = await this.#instances.named(instanceName);
      query = `${searchAttributes.instance} = ${quoted(instance.id)}`;
    }
    const [nameOf, found] = await Promise.all([
      this.#instances.all(),
      listedSchedules(this.#surroundings, query).then((ids) =>
        concurrently(ids, DESCRIBES, (id) => describeSchedule(this.#surroundings, id)),
      ),
    ]);
    return found
      .map((description) => (description === null ? null : toSchedule(description, nameOf)))
      .filter((schedule) => schedule !== null)
      .sort(byNextExecution);
  }

  /** See {@link BackupClient.scheduleShow}. */
  async show(reference: string): Promise<Schedule> {
    const id = await this.idOf(reference);
    const description = await describeSchedule(this.#surroundings, id);
    const schedule = description === null ? null : await this.#toSchedule(description);
    if (schedule === null) throw noSchedule(id);
    return schedule;
  }

  /** See {@link BackupClient.scheduleDelete}. */
  async delete(reference: string): Promise<void> {
    const id = await this.idOf(reference);
    const description = await describeSchedule(this.#surroundings, id);
    if (description === null || argumentsOf(description) === null) throw noSchedule(id);
    const { deleteSchedule } = await import('./schedule-deletion.ts');
    await deleteSchedule(this.#surroundings, description);
    await until(
      async () =>
        (await listedSchedules(this.#surroundings, `${searchAttributes.schedule} = ${quoted(id)}`)).length ===
        0,
    );
  }

  /** See {@link BackupClient.scheduleUpdate}. */
  async update(id: string, changes: ScheduleChanges): Promise<Schedule> {
    const { checkName, checkPolicies } = await import('./schedule-options.ts');
    const { checkPattern } = await import('../cron/pattern.ts');
    const { checkTimezone } = await import('../cron/timezone.ts');
    checkPolicies(changes);
    if (changes.name !== undefined) checkName(changes.name);
    await this.#checkWorkflowChanges(id, changes);
    const pattern = changes.pattern === undefined ? undefined : await checkPattern(changes.pattern);
    const timezone = changes.timezone === undefined ? undefined : checkTimezone(changes.timezone);
    const hooks = changes.hooks === undefined ? undefined : await this.#hooksFor(id, changes.hooks);
    return this.#change(id, (draft) => {
      const { input, policy } = draft;
      if (hooks !== undefined) {
        delete input.hooks;
        Object.assign(input, hooks);
      }
      if (input.workflow !== undefined) rename(input, input.workflow, changes);
      if (changes.name !== undefined) input.name = changes.name;
      if (changes.description !== undefined) input.description = changes.description;
      policy.overlap = changes.overlap ?? policy.overlap;
      policy.on_busy = changes.onBusy ?? policy.on_busy;
      policy.catchup_window = changes.catchupWindow ?? policy.catchup_window;
      if (changes.maxAge !== undefined) {
        delete policy.max_age;
        Object.assign(policy, toRecord(changes.maxAge));
      }
      if (changes.keepLast === null) delete policy.keep_last;
      else if (changes.keepLast !== undefined) policy.keep_last = changes.keepLast;
      draft.jitter = changes.jitter ?? draft.jitter;
      const otherFires =
        (pattern !== undefined && pattern !== draft.pattern) ||
        (timezone !== undefined && timezone !== draft.timezone);
      draft.pattern = pattern ?? draft.pattern;
      draft.timezone = timezone ?? draft.timezone;
      // Fires of the new pattern before now are no missed ones.
      if (otherFires) policy.active_since = new Date().toISOString();
    });
  }

  /** What is of backups alone cannot be given to a schedule of a workflow. @throws BackupctlError usage */
  async #checkWorkflowChanges(reference: string, changes: ScheduleChanges): Promise<void> {
    const { keepLast, onBusy, hooks } = changes;
    if (keepLast === undefined && onBusy === undefined && hooks === undefined) return;
    const [input] = await this.runArguments(await this.idOf(reference));
    if (input.workflow === undefined) return;
    const { checkNoneOfBackups } = await import('./scheduled-workflow.ts');
    checkNoneOfBackups({ hooks, onBusy, ...(keepLast === null ? {} : { keepLast }) }, 'leave it out');
  }

  async #hooksFor(reference: string, hooks: Hook[]): Promise<{ hooks?: Hook[] }> {
    const [input] = await this.runArguments(await this.idOf(reference));
    const { checkedHooks } = await import('./hooks.ts');
    // An instance that is gone runs no hook.
    return hooks.length === 0 ? {} : checkedHooks(hooks, await this.#instances.named(input.instance));
  }

  /** See {@link BackupClient.schedulePause}. */
  pause(id: string, note?: string): Promise<Schedule> {
    return this.#change(id, (draft) => {
      draft.paused = true;
      draft.note = note ?? draft.note;
    });
  }

  /** See {@link BackupClient.scheduleUnpause}. */
  unpause(id: string, note?: string): Promise<Schedule> {
    return this.#change(id, (draft) => {
      // What would have fired during the pause was not lost: it was not wanted.
      if (draft.paused) draft.policy.active_since = new Date().toISOString();
      draft.paused = false;
      draft.note = note ?? draft.note;
    });
  }

  /** See {@link BackupClient.scheduleTrigger}. */
  async trigger(reference: string): Promise<Execution> {
    const id = await this.idOf(reference);
    const [input, policy] = await this.runArguments(id);
    const [{ startRun }, { toExecution }] = await Promise.all([
      import('./runs.ts'),
      import('./execution-record.ts'),
    ]);
    const row = await startRun(this.#surroundings, {
      type: scheduledWorkflow,
      workflowId: `${scheduledWorkflowId(id)}/${randomUUID()}`,
      args: [input, policy],
      labels: {
        kind: runKind(input),
        instance: input.instance === '' ? null : input.instance,
        schedule: id,
      },
    });
    return toExecution(row);
  }

  /** See {@link BackupClient.scheduleBackfill}. */
  async backfill(reference: string, span: { from: Date; to: Date }): Promise<Backfill> {
    const id = await this.idOf(reference);
    const description = await describeSchedule(this.#surroundings, id);
    if (description === null || argumentsOf(description) === null) throw noSchedule(id);
    const { backfill } = await import('./schedule-backfill.ts');
    return backfill(await this.#surroundings.temporal(), description, span);
  }

  async #change(reference: string, change: (draft: Draft) => void): Promise<Schedule> {
    const id = await this.idOf(reference);
    const { changeSchedule } = await import('./schedule-change.ts');
    const describe = async () => {
      const description = await describeSchedule(this.#surroundings, id);
      if (description === null || argumentsOf(description) === null) throw noSchedule(id);
      return description;
    };
    await changeSchedule(await this.#surroundings.temporal(), describe, change);
    return this.show(id);
  }

  /**
   * The id of a schedule that is given by its id or its exact name. An id is not looked for: a deleted one is one, too.
   * @throws BackupctlError not-found; ambiguous, with the candidates
   */
  async idOf(reference: string): Promise<string> {
    if (uuid.test(reference)) return reference.toLowerCase();
    const ids = await listedSchedules(this.#surroundings, `${searchAttributes.kind} = 'backup'`);
    const found = await concurrently(ids, DESCRIBES, (id) => describeSchedule(this.#surroundings, id));
    const named = found.filter(
      (description) => description !== null && argumentsOf(description)?.[0].name === reference,
    );
    const [only, ...others] = named.map((description) => description?.scheduleId ?? '');
    if (only === undefined) throw noSchedule(reference);
    if (others.length === 0) return only;
    throw new BackupctlError(
      'ambiguous',
      `${named.length} schedules are named ${reference}: ${[only, ...others].sort().join(', ')}`,
      { hint: 'give an id; `backupctl schedule-list` shows which is which' },
    );
  }

  /** The arguments that a run of the schedule gets. @throws BackupctlError not-found */
  async runArguments(id: string): Promise<[BackupCreateInput, RunPolicy]> {
    const description = await describeSchedule(this.#surroundings, id);
    const found = description === null ? null : argumentsOf(description);
    if (found === null) throw noSchedule(id);
    return found;
  }

  async #toSchedule(description: ScheduleDescription): Promise<Schedule | null> {
    return toSchedule(description, await this.#instances.all());
  }
}

/** What a workflow was given of the schedule's own words changes with them. */
function rename(input: BackupCreateInput, workflow: ScheduledWorkflow, changes: ScheduleChanges): void {
  const given = { ...workflow.input };
  for (const key of ['name', 'description'] as const) {
    const changed = changes[key];
    if (changed !== undefined && Object.hasOwn(given, key) && given[key] === input[key]) given[key] = changed;
  }
  input.workflow = { ...workflow, input: given };
}

/** Soonest first; those that will not fire (paused) last; then by name and id, so that the order is always one. */
function byNextExecution(a: Schedule, b: Schedule): number {
  const [left, right] = [a, b].map(({ nextExecutionTime }) => nextExecutionTime?.getTime() ?? Infinity);
  if (left !== right) return (left as number) < (right as number) ? -1 : 1;
  return a.name === b.name ? (a.id < b.id ? -1 : 1) : a.name < b.name ? -1 : 1;
}

function noSchedule(id: string): BackupctlError {
  return new BackupctlError('not-found', `there is no schedule ${id}`, {
    hint: '`backupctl schedule-list` shows those that exist',
  });
}
