import type { ScheduleDescription } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { BackupCreateInput, CronTriggerFacts, RunPolicy } from '../workflows/types.ts';
import { searchAttributes } from '../workflows/types.ts';
import { quoted } from './attributes.ts';
import { concurrently } from './concurrently.ts';
import { cronTriggerId, isExhausted, toCronTrigger } from './cron-trigger-record.ts';
import { isAlreadyThere } from './grpc-errors.ts';
import { describeSchedule, listedSchedules } from './schedule-lookup.ts';
import { firedArguments, scheduleKinds, scheduleRequest } from './schedule-record.ts';
import type { Surroundings } from './surroundings.ts';
import type { CronTrigger, CronTriggerOptions } from './types.ts';
import { until } from './until.ts';

const DESCRIBES = 20;
/** Seconds: one that was due while nothing ran is made up for once, however long ago that was, as in Mistral. */
const CATCHUP = 366 * 86_400;
/** Milliseconds that a first execution has to be ahead, as Mistral wants it. */
const AHEAD = 60_000;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Mistral's cron triggers: each is a Temporal schedule whose id is made of its name. */
export class CronTriggers {
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** See {@link BackupClient.cronTriggerCreate}. */
  async create(name: string, workflow: string, options: CronTriggerOptions): Promise<CronTrigger> {
    const [{ checkName }, { checkSize }, definitions] = await Promise.all([
      import('./schedule-options.ts'),
      import('./scheduled-workflow.ts'),
      import('./workflow-definitions.ts'),
    ]);
    checkName(name);
    const facts = await checkedTimes(options);
    const { input = {}, params = {} } = options;
    const { repository } = await this.#surroundings.reading();
    definitions.checkInput(await definitions.registeredWorkflow(repository, workflow), input);
    checkSize(input, params);
    const id = cronTriggerId(name);
    const { remaining, ...trigger } = facts;
    const policy: RunPolicy = {
      schedule_id: id,
      overlap: 'skip',
      on_busy: 'wait',
      catchup_window: CATCHUP,
      active_since: new Date().toISOString(),
      cron_trigger: trigger,
    };
    const request: BackupCreateInput = {
      instance: '',
      description: null,
      parent_id: null,
      name,
      workflow: { name: workflow, input, params },
    };
    await this.#make(request, policy, remaining);
    const query = `${searchAttributes.schedule} = ${quoted(id)}`;
    await until(async () => (await listedSchedules(this.#surroundings, query)).length > 0);
    return this.show(name);
  }

  /** See {@link BackupClient.cronTriggerList}. */
  async list(): Promise<CronTrigger[]> {
    const ids = await listedSchedules(
      this.#surroundings,
      `${searchAttributes.kind} = ${quoted(scheduleKinds.cronTrigger)}`,
    );
    const found = await concurrently(ids, DESCRIBES, (id) => describeSchedule(this.#surroundings, id));
    return found
      .map((description) => (description === null ? null : toCronTrigger(description)))
      .filter((trigger) => trigger !== null)
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.name < b.name ? -1 : 1));
  }

  /** See {@link BackupClient.cronTriggerShow}. */
  async show(nameOrId: string): Promise<CronTrigger> {
    return toCronTrigger(await this.#find(nameOrId)) as CronTrigger;
  }

  /** See {@link BackupClient.cronTriggerDelete}. */
  async delete(nameOrId: string): Promise<void> {
    const description = await this.#find(nameOrId);
    const { deleteSchedule } = await import('./schedule-deletion.ts');
    await deleteSchedule(this.#surroundings, description);
    const query = `${searchAttributes.schedule} = ${quoted(description.scheduleId)}`;
    await until(async () => (await listedSchedules(this.#surroundings, query)).length === 0);
  }

  /** One that has no execution left makes room for another of its name. @throws BackupctlError conflict */
  async #make(input: BackupCreateInput, policy: RunPolicy, remaining: number | undefined): Promise<void> {
    const id = policy.schedule_id as string;
    const trigger = policy.cron_trigger as CronTriggerFacts;
    const request = scheduleRequest(
      {
        id,
        pattern: trigger.pattern ?? patternOf(new Date(trigger.first_execution_time as string)),
        timezone: 'UTC',
        jitter: 0,
        paused: false,
        note: null,
        input,
        policy: {
          ...policy,
          cron_trigger: { ...trigger, ...(remaining === undefined ? {} : { remaining }) },
        },
      },
      await this.#surroundings.taskQueue(),
    );
    const link = await this.#surroundings.temporal();
    for (let attempt = 1; ; attempt += 1) {
      try {
        await link.call(({ schedule }) => schedule.create(request));
        return;
      } catch (error) {
        if (!isAlreadyThere(error)) throw error;
      }
      const there = await describeSchedule(this.#surroundings, id);
      // It was our own call, whose answer was lost.
      if (there !== null && firedArguments(there)?.[1].active_since === policy.active_since) return;
      if (there !== null && (attempt > 3 || !isExhausted(there))) {
        throw new BackupctlError('conflict', `there is a cron trigger named ${input.name}`, {
          hint: `delete it first with \`backupctl cron-trigger-delete\`, or give another name`,
        });
      }
      const { deleteSchedule } = await import('./schedule-deletion.ts');
      if (there !== null) await deleteSchedule(this.#surroundings, there);
    }
  }

  /** @throws BackupctlError not-found */
  async #find(nameOrId: string): Promise<ScheduleDescription> {
    const ids = [cronTriggerId(nameOrId), ...(uuid.test(nameOrId) ? [nameOrId.toLowerCase()] : [])];
    for (const id of ids) {
      const description = await describeSchedule(this.#surroundings, id);
      if (description !== null && toCronTrigger(description) !== null) return description;
    }
    throw new BackupctlError('not-found', `there is no cron trigger ${nameOrId}`, {
      hint: '`backupctl cron-trigger-list` shows those that exist; one that has fired as often as it was to is gone',
    });
  }
}

/** When it fires, by Mistral's rules. @throws BackupctlError usage */
async function checkedTimes(options: CronTriggerOptions): Promise<CronTriggerFacts> {
  const { firstExecutionTime: first, count } = options;
  if (count !== undefined && !(Number.isSafeInteger(count) && count >= 1 && count <= 1_000_000)) {
    throw new BackupctlError('usage', `the count is ${count}`, {
      hint: 'use a whole number from 1 to 1000000',
    });
  }
  const { checkPattern } = await import('../cron/pattern.ts');
  const pattern = options.pattern === undefined ? null : await checkPattern(options.pattern);
  if (first === undefined) {
    if (pattern !== null) return { pattern, first_execution_time: null, ...remaining(count) };
    throw new BackupctlError('usage', 'a pattern or a first execution time has to be given', {
      hint: 'give --pattern, --first-time, or both',
    });
  }
  if (first.getTime() < Date.now() + AHEAD) {
    throw new BackupctlError('usage', 'the first execution time has to be at least 1 minute in the future', {
      hint: `it is ${first.toISOString()}, and now it is ${new Date().toISOString()}`,
    });
  }
  if (pattern === null && (count ?? 1) > 1) {
    throw new BackupctlError('usage', 'a count above 1 needs a pattern', {
      hint: 'give --pattern, or leave --count out',
    });
  }
  const at = first.toISOString();
  return { pattern, first_execution_time: at, ...remaining(pattern === null ? 1 : count) };
}

const remaining = (count: number | undefined) => (count === undefined ? {} : { remaining: count });

/** What stands for a pattern where there is none. */
function patternOf(first: Date): string {
  return `${first.getUTCMinutes()} ${first.getUTCHours()} ${first.getUTCDate()} ${first.getUTCMonth() + 1} *`;
}
