import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Config } from '../config/load.ts';
import { messageOf } from '../errors/backupctl-error.ts';
import { type AlarmSignal, notifyWorkflowId } from '../workflows/types.ts';
import type { Alarm, Alarms } from './alarms.ts';

/** Pauses between the tries to hand an alarm on, milliseconds. The activity that raises it waits for them. */
const pauses = [200, 1_000, 3_000];

/**
 * Hands alarms to the workflow that groups and sends them: started by the first one, signalled by the others.
 *
 * That workflow runs on the common task queue, whose workers have `notify` in their configuration. Where this is
 * such a worker and has nobody to tell, nothing is started.
 */
export function createAlarms(temporal: Client, config: Config, taskQueue: string): Alarms {
  const isCommon = taskQueue === config.taskQueue;
  return {
    async forgive(subject: string): Promise<void> {
      try {
        await temporal.workflow.getHandle(notifyWorkflowId).signal('good', [subject]);
      } catch {
        // It is over, and remembers nothing; or a reminder is held back that nobody needs.
      }
    },

    async raise(alarm: Alarm): Promise<boolean> {
      if (isCommon && config.notify === null) return true;
      const signal: AlarmSignal = {
        alarm,
        // A worker beside a database need not know how often people want to be told.
        ...(config.notify === null
          ? {}
          : { group_window: config.notify.groupWindow, repeat: config.notify.repeat }),
      };
      for (const pause of [...pauses, null]) {
        try {
          await temporal.workflow.signalWithStart('notify', {
            workflowId: notifyWorkflowId,
            taskQueue: config.taskQueue,
            args: [null],
            signal: 'alarm',
            signalArgs: [signal],
          });
          return true;
        } catch (error) {
          if (pause === null) {
            const what = `an alarm (${alarm.kind} of ${alarm.subject}) was lost: ${messageOf(error)}`;
            Context.current().log.warn(what);
            return false;
          }
          await sleep(pause);
        }
      }
      return false;
    },
  };
}
