import { proxyActivities, uuid4 } from '@temporalio/workflow';
import type { NotifyActivities } from '../activities/notify.ts';
import type { ChannelAnswer } from './types.ts';

const { test_channels } = proxyActivities<NotifyActivities>({
  startToCloseTimeout: '3 minutes',
  scheduleToStartTimeout: '1 minute',
  retry: { maximumAttempts: 1 },
});

/** Sends a test through one channel or all, once. */
export async function notify_test(input: { channel: string | null }): Promise<ChannelAnswer[]> {
  return test_channels({ ...input, id: uuid4(), at: new Date().toISOString() });
}
