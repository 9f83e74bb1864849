import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import type { Client } from 'ssh2';
import type { WorkbooksConfig } from '../../config/workbooks.ts';
import { messageOf } from '../../errors/backupctl-error.ts';
import { isTrue, typeName } from '../../workbooks/actions/python-value.ts';
import { textRepr } from '../../workbooks/expressions/python/repr.ts';
import { type Dictionary, own, type Value } from '../../workbooks/expressions/value.ts';
import { ActionFailure } from './failure.ts';
import type { ActionSecrets } from './secrets.ts';
import { connectSsh, endpointOf, executeOver, type SshEndpoint, type SshOutput } from './ssh-connection.ts';

export interface SshSurroundings {
  config: WorkbooksConfig['ssh'];
  secrets: ActionSecrets;
  signal: AbortSignal;
}

/**
 * Runs a command on a host, or on several one after the other.
 * @returns what it wrote, or a list of that for several hosts
 * @throws ActionFailure in the words of Mistral where it cannot be run, or ends with another code than 0; nothing that it
 *   wrote is in them
 */
export async function runSsh(input: Dictionary, surroundings: SshSurroundings): Promise<Value> {
  const { config, secrets } = surroundings;
  const commandText = textAt(input, 'cmd');
  const { host } = input;
  const hosts = (Array.isArray(host) ? host : [host]) as readonly Value[];
  const shown = hosts.map((each) => (typeof each === 'string' ? textRepr(each) : typeName(each))).join(', ');
  const refused = `Failed to execute ssh cmd '${commandText}' on [${shown}]`;
  const always = isTrue(own(input, 'return_result_on_error') ?? null);
  const limit = AbortSignal.timeout(Math.min(config.limit * 1000, 2 ** 31 - 1));
  const signal = AbortSignal.any([surroundings.signal, limit]);
  const results: Value[] = [];
  try {
    if (hosts.length === 0) throw new ActionFailure('there is no host');
    for (const each of hosts) {
      const endpoint = endpointOf(typeof each === 'string' ? each : '');
      const command = await secrets.fill(commandText, { ...endpoint, credentials: false });
      const output = await onHost(input, endpoint, command, { ...surroundings, signal });
      if (!always && output.exitCode !== 0) throw new ActionFailure('');
      results.push(
        always ? { stdout: output.stdout, stderr: output.stderr, exit_code: output.exitCode } : output.stdout,
      );
    }
  } catch (error) {
    surroundings.signal.throwIfAborted();
    if (limit.aborted) throw new ActionFailure(`${refused}: it took longer than ${config.limit} s`);
    if (!(error instanceof ActionFailure)) throw error;
    throw new ActionFailure(error.message === '' ? refused : `${refused}: ${error.message}`);
  }
  return results.length > 1 ? results : (results[0] ?? null);
}

async function onHost(
  input: Dictionary,
  endpoint: SshEndpoint,
  command: string,
  surroundings: SshSurroundings,
): Promise<SshOutput> {
  const { config, secrets, signal } = surroundings;
  const gateway = own(input, 'gateway_host');
  const connections: Client[] = [];
  try {
    if (gateway === undefined) {
      const client = await connectSsh(endpoint, await loginOf(input, endpoint, surroundings), {
        knownHosts: config.knownHosts,
        signal,
      });
      connections.push(client);
      return await executeOver(client, command, signal);
    }
    if (isTrue(own(input, 'proxy_command') ?? null)) {
      throw new ActionFailure('proxy_command cannot be used: no program is run on the worker for it');
    }
    const first = endpointOf(typeof gateway === 'string' ? gateway : '');
    const privateKey = await keyOf(input, first, surroundings);
    if (privateKey === null) throw new ActionFailure('a gateway needs a private key');
    const passphrase = await secretAt(input, 'password', first, secrets);
    const username = textAt(input, 'username');
    const outer = await connectSsh(
      first,
      { username: optionalText(input, 'gateway_username') ?? username, password: passphrase, privateKey },
      { knownHosts: config.knownHosts, signal },
    );
    connections.push(outer);
    const through = await new Promise<NonNullable<Parameters<typeof connectSsh>[2]['through']>>(
      (done, fail) => {
        outer.forwardOut('127.0.0.1', 0, endpoint.host, endpoint.port, (error, stream) =>
          error === undefined
            ? done(stream)
            : fail(new ActionFailure(`${first.host} does not lead to ${endpoint.host}: ${messageOf(error)}`)),
        );
      },
    );
    const login = { username, password: passphrase, privateKey: await keyOf(input, endpoint, surroundings) };
    const inner = await connectSsh(endpoint, login, { knownHosts: config.knownHosts, signal, through });
    connections.push(inner);
    return await executeOver(inner, command, signal);
  } finally {
    for (const client of connections.reverse()) client.destroy();
  }
}

async function loginOf(input: Dictionary, endpoint: SshEndpoint, surroundings: SshSurroundings) {
  const password = await secretAt(input, 'password', endpoint, surroundings.secrets);
  return {
    username: textAt(input, 'username'),
    password,
    privateKey: await keyOf(input, endpoint, surroundings),
  };
}

/** The key itself, which is a secret of the configuration as a rule, or one of the files that it allows. */
async function keyOf(
  input: Dictionary,
  endpoint: SshEndpoint,
  { config, secrets }: SshSurroundings,
): Promise<string | null> {
  const given = await secretAt(input, 'private_key', endpoint, secrets);
  if (given !== null) return given;
  const name = optionalText(input, 'private_key_filename');
  if (name === null) return null;
  if (/(^|[/\\])\.\.([/\\]|$)/.test(name)) {
    throw new ActionFailure(`Private key filename must not contain '..'. Actual: ${name}`);
  }
  const path = isAbsolute(name) ? resolve(name) : resolve(homedir(), '.ssh', name.replace(/^~\/\.ssh\//, ''));
  if (!config.keys.includes(path)) {
    throw new ActionFailure(`the key ${name} is not below workbooks.ssh.keys in the worker's configuration`);
  }
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ActionFailure(
      `the key ${name} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'it failed'})`,
    );
  }
}

async function secretAt(
  input: Dictionary,
  name: string,
  { host, port }: SshEndpoint,
  secrets: ActionSecrets,
): Promise<string | null> {
  const given = optionalText(input, name);
  if (given === null) return null;
  const value = await secrets.fill(given, { host, port, credentials: true });
  if (value.length >= 4) secrets.hide(value);
  return value;
}

function textAt(input: Dictionary, name: string): string {
  const value = own(input, name);
  if (typeof value === 'string') return value;
  throw new ActionFailure(`${name} is not a text but '${typeName(value ?? null)}'`);
}

function optionalText(input: Dictionary, name: string): string | null {
  const value = own(input, name) ?? null;
  if (value === null || value === '') return null;
  return textAt(input, name);
}
