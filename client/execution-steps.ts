import type { temporal } from '@temporalio/proto';
import type { TemporalLink } from './connection.ts';
import { isNotFound } from './grpc-errors.ts';
import type { ExecutionStep } from './types.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type PendingActivity = temporal.api.workflow.v1.IPendingActivityInfo;
type Payloads = temporal.api.common.v1.IPayloads | null | undefined;
type Failure = temporal.api.failure.v1.IFailure | null | undefined;

/** Activities that look after the execution itself. They are steps of no backup or restore. */
const plumbing: ReadonlySet<string> = new Set([
  'running_siblings',
  'lane_holder',
  'cancel_execution',
  'close_log',
]);

/** PENDING_ACTIVITY_STATE_STARTED and _CANCEL_REQUESTED: a worker has it. */
const heldByWorker: ReadonlySet<number> = new Set([2, 3]);

/**
 * The steps of an execution: its activities, and those of the child workflow that does its work, in the order in which
 * they were scheduled. Histories tell what is over, the pending activities and their heartbeats what is under way; no
 * worker is needed for either.
 */
export async function readSteps(
  link: TemporalLink,
  run: { workflowId: string; runId: string },
): Promise<ExecutionStep[]> {
  const own = await readRun(link, run);
  if (own === null) return [];
  const children = await Promise.all(childrenOf(own.events).map((child) => readRun(link, child)));
  return [own, ...children]
    .flatMap((found) => (found === null ? [] : stepsOf(found)))
    .filter(({ name }) => !plumbing.has(name))
    .sort((a, b) => a.scheduledAt - b.scheduledAt)
    .map(({ scheduledAt: _, ...step }) => step);
}

/** What the last activity of that type returned in a run; null where none did, or the history is gone. */
export async function readActivityResult(
  link: TemporalLink,
  run: { workflowId: string; runId: string },
  type: string,
): Promise<unknown> {
  const found = await readRun(link, run);
  const scheduled = new Set<string>();
  let result: unknown = null;
  for (const event of found?.events ?? []) {
    if (event.activityTaskScheduledEventAttributes?.activityType?.name === type) {
      scheduled.add(String(event.eventId));
    }
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed && scheduled.has(String(completed.scheduledEventId))) result = firstOf(completed.result);
  }
  return result;
}

interface Run {
  events: HistoryEvent[];
  pending: PendingActivity[];
}

/** Null where the history is gone (deleted, or past its retention). */
async function readRun(link: TemporalLink, run: { workflowId: string; runId: string }): Promise<Run | null> {
  return link.call(async ({ workflow }) => {
    const handle = workflow.getHandle(run.workflowId, run.runId);
    try {
      // What is pending first: a step that ends in between then stands in the history as well, which wins.
      const description = await handle.describe();
      const history = await handle.fetchHistory();
      return { events: history.events ?? [], pending: description.raw.pendingActivities ?? [] };
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  });
}

function childrenOf(events: HistoryEvent[]): { workflowId: string; runId: string }[] {
  return events.flatMap((event) => {
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    return child?.workflowId && child.runId ? [{ workflowId: child.workflowId, runId: child.runId }] : [];
  });
}

type Step = ExecutionStep & { scheduledAt: number };

function stepsOf({ events, pending }: Run): Step[] {
  const steps = new Map<string, Step>();
  const byActivity = new Map<string, Step>();
  for (const event of events) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      const step = newStep(scheduled.activityType?.name ?? '', dateOf(event.eventTime)?.getTime() ?? 0);
      steps.set(String(event.eventId), step);
      byActivity.set(scheduled.activityId ?? '', step);
      continue;
    }
    const attributes =
      event.activityTaskStartedEventAttributes ??
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    const step = steps.get(String(attributes?.scheduledEventId));
    if (step !== undefined) applyEvent(step, event);
  }
  for (const activity of pending) {
    const step = byActivity.get(activity.activityId ?? '');
    if (step !== undefined && step.endedAt === null) applyPending(step, activity);
  }
  return [...steps.values()];
}

function newStep(name: string, scheduledAt: number): Step {
  return {
    name,
    state: 'WAITING',
    attempts: 0,
    startedAt: null,
    endedAt: null,
    bytesIn: null,
    bytesOut: null,
    rate: null,
    output: null,
    lastFailure: null,
    scheduledAt,
  };
}

function applyEvent(step: Step, event: HistoryEvent): void {
  const at = dateOf(event.eventTime);
  const started = event.activityTaskStartedEventAttributes;
  if (started) {
    // Written with the end of the step only: while it runs, the pending activity tells.
    step.state = 'RUNNING';
    step.attempts = started.attempt ?? 1;
    step.startedAt = at;
    step.lastFailure = messageOf(started.lastFailure) ?? step.lastFailure;
    return;
  }
  step.endedAt = at;
  if (event.activityTaskCompletedEventAttributes) {
    step.state = 'SUCCESS';
    const result = firstOf(event.activityTaskCompletedEventAttributes.result);
    const seconds = number(result, 'seconds');
    step.bytesIn = number(result, 'bytes_in');
    step.bytesOut = number(result, 'bytes_out') ?? number(result, 'sealed_size');
    step.rate = step.bytesIn !== null && seconds ? Math.round(step.bytesIn / seconds) : null;
    step.output = shortly(result);
    return;
  }
  if (event.activityTaskCanceledEventAttributes) {
    step.state = 'CANCELLED';
    return;
  }
  step.state = 'ERROR';
  const failure =
    event.activityTaskFailedEventAttributes?.failure ?? event.activityTaskTimedOutEventAttributes?.failure;
  step.lastFailure = messageOf(failure) ?? step.lastFailure;
}

function applyPending(step: Step, activity: PendingActivity): void {
  const held = heldByWorker.has(Number(activity.state));
  step.attempts = activity.attempt ?? 1;
  step.startedAt = dateOf(activity.lastStartedTime);
  step.lastFailure = messageOf(activity.lastFailure);
  if (held) step.state = 'RUNNING';
  else step.state = step.attempts > 1 || step.lastFailure !== null ? 'RETRYING' : 'WAITING';
  // One that waits for its first worker was not tried yet.
  if (step.state === 'WAITING') step.attempts = 0;
  const beat = firstOf(activity.heartbeatDetails);
  step.bytesIn = number(beat, 'bytes_in');
  step.bytesOut = number(beat, 'bytes_out');
  step.rate = number(beat, 'rate');
  const stage = beat?.stage;
  step.output = typeof stage === 'string' ? stage : null;
}

/** The first value of what an activity returned or told, where it is a JSON object or a list. */
function firstOf(payloads: Payloads): Record<string, unknown> | null {
  const data = payloads?.payloads?.[0]?.data;
  if (!data) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function number(value: Record<string, unknown> | null, key: string): number | null {
  const found = value?.[key];
  return typeof found === 'number' ? found : null;
}

/** What has a column of its own, and what is too long for a table. */
const elsewhere: ReadonlySet<string> = new Set(['bytes_in', 'bytes_out', 'draft_sha256', 'manifest_sha256']);

/** A result in one short line: `{"outcome": "committed", "sealed_size": 1234}`. */
function shortly(result: Record<string, unknown> | null): string | null {
  if (result === null) return null;
  const list = (value: unknown[]) => `${value.length} ${value.length === 1 ? 'item' : 'items'}`;
  if (Array.isArray(result)) return list(result);
  const facts = Object.entries(result)
    .filter(([key, value]) => value !== null && !elsewhere.has(key))
    .map(([key, value]) => [key, Array.isArray(value) ? list(value) : value])
    .filter(([, value]) => typeof value !== 'object')
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return facts.length === 0 ? null : `{${facts.join(', ')}}`;
}

/** The innermost message of a failure: the outer ones only say that an activity failed. */
function messageOf(failure: Failure): string | null {
  let innermost = failure;
  while (innermost?.cause) innermost = innermost.cause;
  return innermost?.message || null;
}

function dateOf(time: { seconds?: unknown; nanos?: number | null } | null | undefined): Date | null {
  if (!time?.seconds) return null;
  return new Date(Number(String(time.seconds)) * 1000 + Math.floor((time.nanos ?? 0) / 1e6));
}
