import { proxyActivities } from '@temporalio/workflow';
import type { NotifyActivities } from '../activities/notify.ts';
import type { NotificationInput } from './types.ts';

const { send_notification } = proxyActivities<NotifyActivities>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '24 hours',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '30 minutes' },
});

/** Sends one message through one channel, for a day if need be. @returns what the channel answered */
export async function notification(input: NotificationInput): Promise<string> {
  return send_notification(input);
}
