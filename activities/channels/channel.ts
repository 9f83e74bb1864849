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

/** Host and port of a URL: what comes after them may be a token. */
export function placeOf(url: string): string {
  return new URL(url).host;
}
