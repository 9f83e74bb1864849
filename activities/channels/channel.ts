import { isWebUrl } from '../../config/notify.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { AlarmMessage } from '../../workflows/types.ts';

/** A message as people read it, and as programs do. */
export interface Rendered {
  message: AlarmMessage;
  subject: string;
  body: string;
  /** What the webhook and the command get. */
  json: string;
}

/** One way to tell somebody. */
export interface Channel {
  /**
   * @returns what it answered, in words
   * @throws BackupctlError in whose message no secret is: neither a password nor the path of a URL
   */
  send(rendered: Rendered, signal: AbortSignal): Promise<string>;
}

/** Seconds that a channel has to answer. */
export const answerWithin = 20;

/** Where a request goes. */
export interface Address {
  url: string;
  /** Of a user and a password in the URL, which requests do not take there. */
  headers: Record<string, string>;
  /** Host and port: what comes after them may be a token. */
  place: string;
}

/**
 * @param what names it in the error, since the URL may not
 * @throws BackupctlError configuration, without the text
 */
export function addressOf(text: string, what: string): Address {
  if (!isWebUrl(text)) {
    throw new BackupctlError('configuration', `what is to be the URL of ${what} is none`, {
      hint: 'it has to begin with http:// or https://',
    });
  }
  const url = new URL(text);
  const [user, password] = [url.username, url.password].map(decoded);
  url.username = '';
  url.password = '';
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  return {
    url: url.href,
    headers: user === '' && password === '' ? {} : { authorization: `Basic ${basic}` },
    place: url.host,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
