import { BackupctlError } from '../errors/backupctl-error.ts';
import type { SecretReference } from '../repository/manifest.ts';
import type { Config } from './load.ts';
import { parseDuration } from './quantities.ts';
// Types only: with no configuration file zod is not loaded.
import type { ConfigDocument } from './schema.ts';

/** What people can be told of. */
export const alarmKinds = [
  'failure',
  'stale',
  'recovered',
  'low_space',
  'copy_debt',
  'one_recipient',
] as const;
export type AlarmKind = (typeof alarmKinds)[number];

/** A text, or where it stands: a URL with a token in its path is a secret. */
export type TextOrReference = string | SecretReference;

export interface EmailConfig {
  host: string;
  port: number;
  tls: 'implicit' | 'starttls' | 'none';
  from: string;
  to: string[];
  login: { user: string; password: SecretReference } | null;
}

/** The section `notify`, with every default filled in. */
export interface NotifyConfig {
  on: AlarmKind[];
  webhook: { url: TextOrReference; secret: SecretReference | null } | null;
  email: EmailConfig | null;
  /** A program and its words. */
  command: string[] | null;
  heartbeatUrl: TextOrReference | null;
  /** Seconds within which alarms with one cause make one message. */
  groupWindow: number;
  /** Seconds after which what goes on is told again. */
  repeat: number;
  templates: { subject: string | null; body: string | null };
}

/** In the order in which they are tried and shown. */
export const channelNames = ['webhook', 'email', 'command'] as const;
export type ChannelName = (typeof channelNames)[number];

/** The channels that a configuration has. */
export function channelsOf(notify: NotifyConfig | null): ChannelName[] {
  return notify === null ? [] : channelNames.filter((name) => notify[name] !== null);
}

type Document = NonNullable<ConfigDocument['notify']>;

/** @param absolute.reference makes a reference's path absolute */
export function notifyConfig(
  document: Document,
  absolute: { reference(secret: SecretReference): SecretReference },
): NotifyConfig {
  const { webhook, email, templates } = document;
  const seconds = (text: string | undefined, byDefault: number) =>
    text === undefined ? byDefault : (parseDuration(text) ?? byDefault);
  const located = (text: TextOrReference): TextOrReference =>
    typeof text === 'string' ? text : absolute.reference(text);
  const tls = email?.tls ?? 'starttls';
  return {
    on: document.on ?? [...alarmKinds],
    webhook:
      webhook === undefined
        ? null
        : {
            url: located(webhook.url),
            secret: webhook.secret === undefined ? null : absolute.reference(webhook.secret),
          },
    email:
      email === undefined
        ? null
        : {
            host: email.host,
            port: email.port ?? (tls === 'implicit' ? 465 : 587),
            tls,
            from: email.from,
            to: email.to,
            login:
              email.user === undefined || email.password === undefined
                ? null
                : { user: email.user, password: absolute.reference(email.password) },
          },
    command: document.command ?? null,
    heartbeatUrl: document.heartbeat_url === undefined ? null : located(document.heartbeat_url),
    groupWindow: seconds(document.group_window, 30),
    repeat: seconds(document.repeat, 86_400),
    templates: { subject: templates?.subject ?? null, body: templates?.body ?? null },
  };
}

/** Whether a text is a URL of the web. */
export function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/**
 * A file that was merely found in the working directory may be anybody's: it brings no program to run.
 * @throws BackupctlError refused
 */
export function checkCommands(
  config: Pick<Config, 'file' | 'commandsAllowed' | 'notify'> & Partial<Pick<Config, 'hooks'>>,
): void {
  const key = config.notify?.command ? 'notify.command' : config.hooks?.size ? 'hooks' : null;
  if (config.commandsAllowed || key === null) return;
  throw new BackupctlError(
    'refused',
    `${config.file}: ${key}: a configuration that was only found in the working directory runs no programs`,
    { hint: `if it is yours, say so: --config ${config.file}` },
  );
}
