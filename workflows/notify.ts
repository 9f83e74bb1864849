import {
  condition,
  continueAsNew,
  defineSignal,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
  startChild,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { NotifyActivities } from '../activities/notify.ts';
import { AlarmGroups, type GroupsState } from './alarm-groups.ts';
import { notification } from './notification.ts';
import type { AlarmMessage, AlarmSignal } from './types.ts';

const alarmed = defineSignal<[AlarmSignal]>('alarm');
const recovered = defineSignal<[string[]]>('good');

const { notification_channels } = proxyActivities<NotifyActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { maximumInterval: '1 minute' },
});

/** Events after which the rest goes on in a run of its own. */
const longHistory = 4_000;

/**
 * Groups alarms, and starts a `notification` for each message and channel. There is one of it: begun by the first alarm,
 * signalled by the others, and over once nothing was heard for so long that everything would be told anew.
 */
export async function notify(state: GroupsState | null): Promise<void> {
  const groups = new AlarmGroups(state);
  let news = false;
  setHandler(alarmed, (signal) => {
    groups.take(signal, Date.now());
    news = true;
  });
  setHandler(recovered, (subjects) => groups.forgive(subjects));
  for (;;) {
    for (const message of groups.takeDue(Date.now())) await send({ id: uuid4(), ...message });
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    if (continueAsNewSuggested || historyLength > longHistory) {
      await continueAsNew<typeof notify>(groups.state);
    }
    const next = groups.next();
    if (next === null) return;
    news = false;
    await condition(() => news, Math.max(1, next - Date.now()));
  }
}

async function send(message: AlarmMessage): Promise<void> {
  for (const channel of await notification_channels({ kind: message.kind })) {
    await startChild(notification, {
      workflowId: `notification/${channel}/${message.id}`,
      args: [{ channel, message }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
  }
}
