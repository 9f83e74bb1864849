import type { TemporalLink } from './connection.ts';
import type { Surroundings } from './surroundings.ts';
import type { ChannelHealth } from './types.ts';

/** Undelivered messages that are looked at: a channel that is down for long has many, and they all say the same. */
const LOOKED_AT = 50;

/** See {@link BackupClient.channelHealth}. */
export async function readChannelHealth(surroundings: Surroundings): Promise<ChannelHealth[]> {
  const link = await surroundings.temporal();
  const channels = new Map<string, ChannelHealth>();
  await link.call(async ({ workflow }) => {
    let looked = 0;
    for await (const { workflowId, runId, startTime } of workflow.list({
      query: `WorkflowType = 'notification' AND ExecutionStatus = 'Running'`,
    })) {
      const channel = workflowId.split('/')[1] ?? '';
      const health = channels.get(channel) ?? { channel, waiting: 0, since: startTime, error: null };
      channels.set(channel, health);
      health.waiting += 1;
      if (startTime < health.since) health.since = startTime;
      looked += 1;
      if (looked <= LOOKED_AT) health.error ??= await lastError(link, workflowId, runId);
    }
    // What was given up after a day, where nothing has got through since.
    for await (const { workflowId, closeTime } of workflow.list({
      query: `WorkflowType = 'notification' AND ExecutionStatus IN ('Failed', 'TimedOut')`,
      pageSize: 10,
    })) {
      const channel = workflowId.split('/')[1] ?? '';
      const since = closeTime ?? new Date();
      if (!channels.has(channel) && !(await delivered(link, channel, since))) {
        const error = 'a message was given up after a day';
        channels.set(channel, { channel, waiting: 0, since, error });
      }
      looked += 1;
      if (looked > LOOKED_AT) break;
    }
  });
  return [...channels.values()].filter(({ error }) => error !== null);
}

/** Why the last try failed; null where none has. */
async function lastError(link: TemporalLink, workflowId: string, runId: string): Promise<string | null> {
  const { pendingActivities } = await link.client.workflowService.describeWorkflowExecution({
    namespace: link.namespace,
    execution: { workflowId, runId },
  });
  return pendingActivities?.[0]?.lastFailure?.message ?? null;
}

async function delivered(link: TemporalLink, channel: string, since: Date): Promise<boolean> {
  const query = `WorkflowType = 'notification' AND ExecutionStatus = 'Completed' AND CloseTime > '${since.toISOString()}' AND WorkflowId STARTS_WITH 'notification/${channel}/'`;
  for await (const _ of link.client.workflow.list({ query, pageSize: 1 })) return true;
  return false;
}
