import { lookup } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import type { WorkbooksConfig } from '../../config/workbooks.ts';
import { messageOf } from '../../errors/backupctl-error.ts';
import { isTrue, typeName } from '../../workbooks/actions/python-value.ts';
import { type Dictionary, own, type Value } from '../../workbooks/expressions/value.ts';
import { isAllowed, isPublic } from './addresses.ts';
import { ActionFailure } from './failure.ts';
import type { ActionSecrets } from './secrets.ts';

export interface EmailSurroundings {
  config: WorkbooksConfig['email'];
  secrets: ActionSecrets;
  signal: AbortSignal;
  /** Of the action execution: the mail's own id is made of it. */
  id: string;
}

/** Milliseconds that a server has for each answer. */
const answerWithin = 60_000;

/**
 * What a name stands for, if that is no private network: a mail server of one's own has to be listed.
 * @throws ActionFailure
 */
async function publicAddress(host: string): Promise<string> {
  let found: { address: string }[];
  try {
    found = await lookup(host, { all: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ActionFailure(
      `Failed to send an email message: ${host} cannot be resolved (${code ?? 'it failed'})`,
    );
  }
  const blocked = found.find(({ address }) => !isPublic(address));
  if (blocked !== undefined || found[0] === undefined) {
    throw new ActionFailure(
      `Failed to send an email message: ${host} is at a private address (${blocked?.address}), and not below workbooks.email.allow in the worker's configuration`,
    );
  }
  return found[0].address;
}

/** Characters of a body. */
const longestBody = 10 * 1024 * 1024;

/**
 * Sends a mail: over TLS and logged in as the sender where there is a password, as it is where there is none.
 * @throws ActionFailure
 */
export async function runEmail(input: Dictionary, surroundings: EmailSurroundings): Promise<Value> {
  const { config, secrets, signal } = surroundings;
  const { host, port } = serverOf(textAt(input, 'smtp_server'));
  if (config.allow !== null && !isAllowed(config.allow, { host, port })) {
    throw new ActionFailure(
      `Failed to send an email message: ${host}:${port} is not below workbooks.email.allow in the worker's configuration`,
    );
  }
  const from = textAt(input, 'from_addr');
  if (/[\r\n]/.test(from)) throw new ActionFailure('from_addr is no address');
  const to = addressesAt(input, 'to_addrs');
  const cc = addressesAt(input, 'cc_addrs');
  const bcc = addressesAt(input, 'bcc_addrs');
  const replyTo = addressesAt(input, 'reply_to');
  const given = own(input, 'smtp_password') ?? null;
  const password =
    given === null
      ? null
      : await secrets.fill(textAt(input, 'smtp_password'), { host, port, credentials: true });
  const fill = (text: string) => secrets.fill(text, { host, port, credentials: false });
  if (password !== null && password.length >= 4) secrets.hide(password);
  const html = optionalText(input, 'html_body');
  const address = config.allow === null ? await publicAddress(host) : host;
  const { createTransport } = await import('nodemailer');
  const sockets: Socket[] = [];
  const transport = createTransport({
    // A connection of our own, which ends with the action.
    getSocket: (_options, done) => {
      const socket = connect(port, address);
      sockets.push(socket);
      socket.setTimeout(answerWithin, () => socket.destroy(new Error('no answer in time')));
      socket.once('error', (error) => done(error));
      socket.once('connect', () => done(null, { connection: socket }));
    },
    host,
    port,
    secure: false,
    requireTLS: password !== null,
    ignoreTLS: password === null,
    tls: { rejectUnauthorized: config.verify },
    ...(password === null ? {} : { auth: { user: from, pass: password } }),
    connectionTimeout: answerWithin,
    greetingTimeout: answerWithin,
    socketTimeout: answerWithin,
    // What is in a message is text: no file is read and no URL fetched for it.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => {
    reject(signal.reason);
    for (const socket of sockets) socket.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    const message = {
      from,
      to,
      cc,
      ...(replyTo.length === 0 ? {} : { replyTo }),
      subject: await fill(optionalText(input, 'subject') ?? '<No subject>'),
      text: await fill(optionalText(input, 'body') ?? '<No body>'),
      ...(html === null ? {} : { html: await fill(html) }),
      envelope: { from, to: [...cc, ...bcc, ...to] },
      messageId: `<${surroundings.id}@backupctl.invalid>`,
    };
    await Promise.race([transport.sendMail(message), aborted]);
    return null;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ActionFailure) throw error;
    throw new ActionFailure(`Failed to send an email message: ${messageOf(error)}`);
  } finally {
    aborted.catch(() => {});
    signal.removeEventListener('abort', abort);
    transport.close();
    for (const socket of sockets) socket.destroy();
  }
}

function serverOf(text: string): { host: string; port: number } {
  const [, bracketed, name, port] =
    /^(?:\[([0-9a-f:.]+)\]|([^\s:/@]+))(?::(\d{1,5}))?$/i.exec(text.trim()) ?? [];
  const host = bracketed ?? name;
  if (host === undefined)
    throw new ActionFailure('Failed to send an email message: the server cannot be read');
  return { host, port: port === undefined ? 25 : Number(port) };
}

function textAt(input: Dictionary, name: string): string {
  const value = own(input, name);
  if (typeof value !== 'string')
    throw new ActionFailure(`${name} is not a text but '${typeName(value ?? null)}'`);
  if (value.length > longestBody) throw new ActionFailure(`${name} has more than ${longestBody} characters`);
  return value;
}

function optionalText(input: Dictionary, name: string): string | null {
  return isTrue(own(input, name) ?? null) ? textAt(input, name) : null;
}

/** A list of addresses, each on a line of its own. */
function addressesAt(input: Dictionary, name: string): string[] {
  const value = own(input, name) ?? null;
  if (name !== 'to_addrs' && !isTrue(value)) return [];
  if (!Array.isArray(value)) throw new ActionFailure(`${name} is not a list but '${typeName(value)}'`);
  return (value as readonly Value[]).map((address) => {
    if (typeof address === 'string' && !/[\r\n]/.test(address)) return address;
    throw new ActionFailure(`${name} has something that is no address`);
  });
}
