import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Client, ClientChannel, ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2';
import { messageOf } from '../../errors/backupctl-error.ts';
import { ActionFailure } from './failure.ts';
import { knownHost } from './known-hosts.ts';

/** A host, and the port of its SSH server. */
export interface SshEndpoint {
  host: string;
  port: number;
}

export interface SshLogin {
  username: string;
  /** Opens the key where there is one, and is tried by itself too. */
  password: string | null;
  /** In PEM, or as OpenSSH writes it. */
  privateKey: string | null;
}

export interface SshOutput {
  stdout: string;
  stderr: string;
  /** -1 where a signal ended it. */
  exitCode: number;
}

/** Milliseconds until a host has to have let somebody in. */
const readyWithin = 20_000;

/** Bytes of each of its outputs. */
const mostOutput = 4 * 1024 * 1024;

/** `host`, `host:2222`, `[fd00::1]:2222`; port 22 without one. @throws ActionFailure */
export function endpointOf(text: string): SshEndpoint {
  const [, bracketed, host, port] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (/^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text)) return { host: text, port: 22 };
  const name = bracketed ?? host;
  const number = port === undefined ? 22 : Number(port);
  if (name === undefined || number < 1 || number > 65_535) throw new ActionFailure('the host cannot be read');
  return { host: name, port: number };
}

/**
 * Logs in, where the host shows a key that one of the files knows it by. A host that is in none of them is not connected to.
 * @param through a stream to it, by way of another host
 * @throws ActionFailure
 */
export async function connectSsh(
  { host, port }: SshEndpoint,
  login: SshLogin,
  options: { knownHosts: readonly string[]; signal: AbortSignal; through?: Readable },
): Promise<Client> {
  const texts = await Promise.all(options.knownHosts.map((path) => readKnownHosts(path)));
  const { keys, revoked } = knownHost(texts, host, port);
  if (keys.length === 0) {
    throw new ActionFailure(
      `${host} is in none of the files below workbooks.ssh.known_hosts of the worker's configuration`,
    );
  }
  options.signal.throwIfAborted();
  const { default: ssh2 } = await import('ssh2');
  const client = new ssh2.Client();
  let stranger = false;
  const config: ConnectConfig = {
    host,
    port,
    ...(options.through === undefined ? {} : { sock: options.through }),
    username: login.username,
    ...(login.password === null ? {} : { password: login.password }),
    ...(login.privateKey === null ? {} : { privateKey: login.privateKey }),
    ...(login.privateKey === null || login.password === null ? {} : { passphrase: login.password }),
    algorithms: { serverHostKey: [...new Set(keys.flatMap(({ type }) => algorithmsOf(type)))] },
    hostVerifier: (shown: Buffer) => {
      const known = keys.some(({ key }) => key.equals(shown)) && !revoked.some((key) => key.equals(shown));
      stranger = !known;
      return known;
    },
    readyTimeout: readyWithin,
    keepaliveInterval: 15_000,
    authHandler: [
      ...(login.privateKey === null ? [] : ['publickey' as const]),
      ...(login.password === null ? [] : ['password' as const]),
    ],
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => {
    reject(options.signal.reason);
    client.destroy();
  };
  options.signal.addEventListener('abort', abort, { once: true });
  client.once('ready', resolve);
  client.on('error', reject);
  client.once('close', () => reject(new ActionFailure('the connection was closed')));
  try {
    client.connect(config);
    await promise;
    return client;
  } catch (error) {
    client.destroy();
    options.signal.throwIfAborted();
    if (error instanceof ActionFailure) throw error;
    throw new ActionFailure(
      stranger
        ? `${host} shows a host key that is not the known one`
        : `${host}: ${messageOf(error).slice(0, 200)}`,
    );
  } finally {
    options.signal.removeEventListener('abort', abort);
  }
}

async function readKnownHosts(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ActionFailure(`the known hosts cannot be read: ${messageOf(error)}`);
  }
}

/** Algorithms by which a key of that type can be shown. */
function algorithmsOf(type: string): ServerHostKeyAlgorithm[] {
  if (type === 'ssh-rsa') return ['rsa-sha2-512', 'rsa-sha2-256'];
  const good = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'];
  return good.includes(type) ? [type as ServerHostKeyAlgorithm] : [];
}

/** Runs a command to its end. @throws ActionFailure where it says too much, or the connection breaks */
export async function executeOver(client: Client, command: string, signal: AbortSignal): Promise<SshOutput> {
  const { promise: broken, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  client.once('error', (error) => reject(new ActionFailure(messageOf(error).slice(0, 200))));
  client.once('close', () => reject(new ActionFailure('the connection was closed before the command ended')));
  try {
    signal.throwIfAborted();
    return await Promise.race([outputOf(client, command), broken]);
  } finally {
    signal.removeEventListener('abort', abort);
    broken.catch(() => {});
  }
}

async function outputOf(client: Client, command: string): Promise<SshOutput> {
  // All of it is listened to before the next packet is looked at: a short command has ended by then.
  const parts = await new Promise<readonly [Promise<string>, Promise<string>, Promise<number>]>(
    (resolve, reject) => {
      client.exec(command, (error, channel) => {
        if (error !== undefined) return reject(asFailure(error));
        resolve([textOf(channel), textOf(channel.stderr), exitOf(channel)]);
        channel.end();
      });
    },
  );
  const [stdout, stderr, exitCode] = await Promise.all(parts);
  return { stdout, stderr, exitCode };
}

function exitOf(channel: ClientChannel): Promise<number> {
  let code = -1;
  channel.once('exit', (exit: number | null) => {
    code = exit ?? -1;
  });
  return new Promise((resolve) => {
    channel.once('close', () => resolve(code));
  });
}

function asFailure(error: Error): ActionFailure {
  return new ActionFailure(messageOf(error).slice(0, 200));
}

async function textOf(stream: Readable): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > mostOutput) throw new ActionFailure(`the command has written more than ${mostOutput} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
