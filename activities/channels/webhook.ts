import { createHmac } from 'node:crypto';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import { addressOf, answerWithin, type Channel, type Rendered } from './channel.ts';

/** Headers of every request; `docs/notifications.md` documents them. */
export const signatureHeader = 'backupctl-signature';
export const idempotencyHeader = 'idempotency-key';

/**
 * Posts JSON. With a secret each request is signed: HMAC-SHA256 over the time, a dot and the body, so that neither an old
 * request nor a changed one passes. Redirects are not followed: they would show the request to somebody else.
 */
export function webhook(text: string, secret: string | null): Channel {
  return {
    async send({ message, json }: Rendered, signal: AbortSignal): Promise<string> {
      const { url, headers, place } = addressOf(text, 'the webhook');
      let response: Response;
      try {
        response = await fetch(url, {
          method: 'POST',
          redirect: 'manual',
          headers: {
            'content-type': 'application/json',
            'user-agent': 'backupctl',
            ...headers,
            [idempotencyHeader]: message.id,
            ...(secret === null ? {} : { [signatureHeader]: signatureOf(json, secret, new Date()) }),
          },
          body: json,
          signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithin * 1000)]),
        });
        await response.body?.cancel();
      } catch (error) {
        throw new BackupctlError('unavailable', `the webhook at ${place} does not answer: ${whyOf(error)}`);
      }
      const answer = `${response.status} ${response.statusText}`.trim();
      if (response.ok) return answer;
      throw new BackupctlError('failed', `the webhook at ${place} answered ${answer}`);
    },
  };
}

/** `t=1767225600,v1=5257a8…`: the seconds at which it was signed, and the HMAC in hexadecimal. */
export function signatureOf(body: string, secret: string, now: Date): string {
  const seconds = Math.floor(now.getTime() / 1000);
  const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${digest}`;
}

/** Asks for a URL; what it answers does not matter, as long as it is well. @throws BackupctlError unavailable, failed */
export async function ask(text: string, what: string): Promise<void> {
  const { url, headers, place } = addressOf(text, what);
  let response: Response;
  try {
    response = await fetch(url, {
      headers: { 'user-agent': 'backupctl', ...headers },
      signal: AbortSignal.timeout(10_000),
    });
    await response.body?.cancel();
  } catch (error) {
    throw new BackupctlError('unavailable', `${what} at ${place} does not answer: ${whyOf(error)}`);
  }
  if (!response.ok) throw new BackupctlError('failed', `${what} at ${place} answered ${response.status}`);
}

/** `fetch` hides the reason in the cause; neither of them names the path. */
function whyOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time';
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code ?? (cause === undefined ? 'it failed' : messageOf(cause).slice(0, 200));
}
