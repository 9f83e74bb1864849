import { Context } from '@temporalio/activity';
import { type ChannelName, channelsOf, checkCommands, type NotifyConfig } from '../config/notify.ts';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { AlarmMessage, ChannelAnswer, NotificationInput } from '../workflows/types.ts';
import type { AlarmKind } from './alarms.ts';
import type { Channel } from './channels/channel.ts';
import { command } from './channels/command.ts';
import { email } from './channels/email.ts';
import { webhook } from './channels/webhook.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';
import { render } from './message.ts';

export type NotifyActivities = ReturnType<typeof createNotifyActivities>;

/** Telling people, by the channels of this worker's own configuration. */
export function createNotifyActivities(deps: ActivityDeps) {
  const { config, metrics } = deps;

  async function send(channel: ChannelName, message: AlarmMessage): Promise<string> {
    const notify = needed(config.notify);
    const rendered = render(message, notify.templates);
    try {
      const answer = await (await open(deps, notify, channel)).send(
        rendered,
        Context.current().cancellationSignal,
      );
      metrics.notification(channel, true);
      return answer;
    } catch (error) {
      metrics.notification(channel, false);
      throw error;
    }
  }

  return withFailures({
    /** The channels that are told of such an alarm. */
    async notification_channels(input: { kind: AlarmKind }): Promise<ChannelName[]> {
      return config.notify?.on.includes(input.kind) ? channelsOf(config.notify) : [];
    },

    /** @throws what the channel says, to be tried again; not-found where the configuration has it no longer */
    async send_notification(input: NotificationInput): Promise<string> {
      try {
        return await send(named(config.notify, input.channel), input.message);
      } catch (error) {
        throw mendable(error);
      }
    },

    /** Tries channels, one after the other, and says what each answered. @throws not-found, refused */
    async test_channels(input: { channel: string | null; id: string; at: string }): Promise<ChannelAnswer[]> {
      const channels =
        input.channel === null ? channelsOf(config.notify) : [named(config.notify, input.channel)];
      if (channels.length === 0) throw nobody(config.file);
      const answers: ChannelAnswer[] = [];
      for (const channel of channels) {
        try {
          answers.push({ channel, ok: true, answer: await send(channel, testMessage(input)) });
        } catch (error) {
          answers.push({ channel, ok: false, answer: messageOf(error) });
        }
      }
      return answers;
    },
  });
}

/** Secrets are opened for each message: one that was renewed counts at once. */
async function open(deps: ActivityDeps, notify: NotifyConfig, channel: ChannelName): Promise<Channel> {
  if (channel === 'webhook' && notify.webhook !== null) {
    const { url, secret } = notify.webhook;
    return webhook(await deps.ownText(url), secret === null ? null : await deps.ownText(secret));
  }
  if (channel === 'email' && notify.email !== null) {
    const { login } = notify.email;
    return email(notify.email, login === null ? null : await deps.ownText(login.password));
  }
  if (channel === 'command' && notify.command !== null) {
    checkCommands(deps.config);
    return command(notify.command);
  }
  throw gone(channel);
}

function needed(notify: NotifyConfig | null): NotifyConfig {
  if (notify === null) throw gone('any channel');
  return notify;
}

function named(notify: NotifyConfig | null, channel: string): ChannelName {
  const found = channelsOf(notify).find((name) => name === channel);
  if (found === undefined) throw gone(channel);
  return found;
}

function gone(channel: string): BackupctlError {
  return new BackupctlError('not-found', `the worker's configuration has no notify.${channel}`, {
    hint: 'name it below `notify` in backupctl.yaml of the platform, and start that again',
  });
}

function nobody(file: string | null): BackupctlError {
  return new BackupctlError('not-found', 'the worker has nobody to tell: its configuration has no channel', {
    hint: `name webhook, email or command below \`notify\` in ${file ?? 'backupctl.yaml of the platform'}, and start that again`,
  });
}

/** A secret's file or a program that is not there may be there in an hour: the message waits for it. */
function mendable(error: unknown): unknown {
  if (!(error instanceof BackupctlError) || !['configuration', 'missing-tool'].includes(error.code))
    return error;
  const { code, message, hint } = error;
  return new BackupctlError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
    retryable: true,
  });
}

function testMessage({ id, at }: { id: string; at: string }): AlarmMessage {
  const alarm = {
    kind: 'failure' as const,
    subject: 'a test',
    reason: 'nothing is wrong: somebody ran `backupctl notify-test`',
    cause: 'test',
    executionId: null,
    at,
  };
  return { id, kind: 'failure', cause: 'test', count: 1, subjects: ['a test'], alarms: [alarm], at };
}
