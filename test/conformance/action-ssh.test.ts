import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knownHost } from '../../activities/workbooks/known-hosts.ts';
import { endpointOf } from '../../activities/workbooks/ssh-connection.ts';
import type { Outcome } from '../../workbooks/actions/action.ts';
import { type SshServer, startSsh } from '../servers/ssh.ts';
import { type ActionWorker, actionWorker, raisedText } from './action-kit.ts';

const user = 'someone';
const password = 'pass"word';
const passphrase = 'key-phrase';
const key = ssh2.utils.generateKeyPairSync('ed25519');
const locked = ssh2.utils.generateKeyPairSync('ed25519', { passphrase, cipher: 'aes256-ctr', rounds: 4 });

let server: SshServer;
let gateway: SshServer;
let worker: ActionWorker;
let host: string;

beforeAll(async () => {
  [server, gateway] = await Promise.all([
    startSsh({ user, password, publicKey: key.public }),
    startSsh({ user: 'keeper', publicKey: locked.public }),
  ]);
  host = `127.0.0.1:${server.port}`;
  worker = await actionWorker(
    async (folder) => {
      await Promise.all([
        writeFile(join(folder, 'known_hosts'), `# ours\n${server.knownHost}\n${gateway.knownHost}\n`),
        writeFile(join(folder, 'key'), key.private),
        writeFile(join(folder, 'other'), key.private),
      ]);
      return `workbooks: {
        ssh: { known_hosts: [known_hosts], keys: [./key] },
        secrets: { PASSWORD: { env: PASSWORD }, KEY: { env: KEY }, LOCKED: { env: LOCKED }, PHRASE: { env: PHRASE } } }`;
    },
    { env: { PASSWORD: password, KEY: key.private, LOCKED: locked.private, PHRASE: passphrase } },
  );
});

afterAll(async () => {
  await Promise.all([server?.stop(), gateway?.stop(), worker?.close()]);
});

function errorOf(outcome: Outcome): string {
  return 'error' in outcome ? String(outcome.error) : `no error: ${JSON.stringify(outcome.result)}`;
}

describe('std.ssh', () => {
  const secret = `\${secret:PASSWORD}`;

  test('gives what the command has written', async () => {
    const outcome = await worker.run('std.ssh', {
      cmd: 'echo "a b"; echo no >&2',
      host,
      username: user,
      password: secret,
    });
    expect(outcome).toEqual({ result: 'a b\n' });
  });

  test('lets in by a key: one that the configuration hands over, or a file that it allows', async () => {
    const handed = { cmd: 'echo 1', host, username: user, private_key: `\${secret:KEY}` };
    expect(await worker.run('std.ssh', handed)).toEqual({ result: '1\n' });
    const file = { cmd: 'echo 2', host, username: user, private_key_filename: join(worker.folder, 'key') };
    expect(await worker.run('std.ssh', file)).toEqual({ result: '2\n' });
  });

  test('opens no file that the configuration does not name', async () => {
    for (const name of [join(worker.folder, 'other'), 'id_rsa', '/etc/passwd', `${worker.folder}/x/../key`]) {
      const outcome = await worker.run('std.ssh', {
        cmd: 'echo 1',
        host,
        username: user,
        private_key_filename: name,
      });
      expect(errorOf(outcome)).toMatch(/is not below workbooks\.ssh\.keys|must not contain '\.\.'/);
    }
  });

  test('of several hosts gives a list, of one in a list what that wrote', async () => {
    const input = { cmd: 'echo 1', username: user, password: secret };
    expect(await worker.run('std.ssh', { ...input, host: [host, host] })).toEqual({ result: ['1\n', '1\n'] });
    expect(await worker.run('std.ssh', { ...input, host: [host] })).toEqual({ result: '1\n' });
  });

  test('fails where the command does, without what that wrote', async () => {
    const input = { cmd: 'echo something; exit 3', host, username: user, password: secret };
    expect(await worker.run('std.ssh', input)).toEqual({
      error: raisedText(`Failed to execute ssh cmd 'echo something; exit 3' on ['${host}']`),
    });
    const killed = await worker.run('std.ssh', { ...input, cmd: 'kill -9 $$' });
    expect(errorOf(killed)).toContain("Failed to execute ssh cmd 'kill -9 $$'");
  });

  test('gives the code as well where that is asked for', async () => {
    const input = { host, username: user, password: secret, return_result_on_error: true };
    expect(await worker.run('std.ssh', { ...input, cmd: 'echo a; echo b >&2; exit 3' })).toEqual({
      result: { stdout: 'a\n', stderr: 'b\n', exit_code: 3 },
    });
  });

  test('reads much from both outputs at once', async () => {
    const cmd = 'head -c 300000 /dev/zero | tr "\\0" e >&2; head -c 300000 /dev/zero | tr "\\0" o';
    const input = { cmd, host, username: user, password: secret, return_result_on_error: true };
    expect(await worker.run('std.ssh', input)).toEqual({
      result: { stdout: 'o'.repeat(300_000), stderr: 'e'.repeat(300_000), exit_code: 0 },
    });
  });

  test('leaves a command that never stops writing', async () => {
    const outcome = await worker.run('std.ssh', { cmd: 'yes', host, username: user, password: secret });
    expect(errorOf(outcome)).toContain('the command has written more than');
  });

  test('shows a password to nobody whose key is not known', async () => {
    const stranger = await startSsh({ user, password });
    const impostor = await startSsh({ user, password });
    const careful = await actionWorker(async (folder) => {
      const line = server.knownHost.replace(String(server.port), String(impostor.port));
      await writeFile(join(folder, 'hosts'), `${line}\n@revoked ${server.knownHost}\n${server.knownHost}\n`);
      return 'workbooks: { ssh: { known_hosts: [hosts] } }';
    }, {});
    try {
      const input = { cmd: 'echo 1', username: user, password };
      const unknown = await careful.run('std.ssh', { ...input, host: `127.0.0.1:${stranger.port}` });
      expect(errorOf(unknown)).toContain('is in none of the files below workbooks.ssh.known_hosts');
      expect(stranger.connections).toBe(0);
      const wrong = await careful.run('std.ssh', { ...input, host: `127.0.0.1:${impostor.port}` });
      expect(errorOf(wrong)).toContain('shows a host key that is not the known one');
      const revoked = await careful.run('std.ssh', { ...input, host });
      expect(errorOf(revoked)).toContain('shows a host key that is not the known one');
    } finally {
      await Promise.all([stranger.stop(), impostor.stop(), careful.close()]);
    }
  });

  test('a wrong password is an error without it', async () => {
    const outcome = await worker.run('std.ssh', { cmd: 'echo 1', host, username: 'other', password: secret });
    expect(errorOf(outcome)).toContain('authentication');
    expect(errorOf(outcome)).not.toContain(password);
  });

  test('a secret that the command says is masked', async () => {
    const outcome = await worker.run('std.ssh', {
      cmd: `echo '${password}'`,
      host,
      username: user,
      password: secret,
    });
    expect(outcome).toEqual({ result: '***\n' });
  });

  test('a cancel ends the command', async () => {
    const environment = new MockActivityEnvironment();
    const running = worker.run(
      'std.ssh',
      { cmd: 'sleep 600', host, username: user, password: secret },
      { environment },
    );
    environment.once('heartbeat', () => environment.cancel());
    await expect(running).rejects.toThrow(/cancelled/i);
  });

  test('what is no text or no host is refused in words', async () => {
    const input = { cmd: 'echo 1', host, username: user };
    expect(errorOf(await worker.run('std.ssh', { ...input, cmd: 5 }))).toContain(
      "cmd is not a text but 'int'",
    );
    expect(errorOf(await worker.run('std.ssh', { ...input, host: 'a b' }))).toContain(
      'the host cannot be read',
    );
    expect(errorOf(await worker.run('std.ssh', { ...input, host: [] }))).toContain('there is no host');
  });
});

describe('std.ssh_proxied', () => {
  test('goes through another host, and checks the keys of both', async () => {
    const both = await startSsh({ user, publicKey: locked.public });
    const through = await actionWorker(
      async (folder) => {
        await writeFile(join(folder, 'hosts'), `${gateway.knownHost}\n${both.knownHost}\n`);
        return `workbooks: { ssh: { known_hosts: [hosts] }, secrets: { LOCKED: { env: LOCKED } } }`;
      },
      { env: { LOCKED: locked.private } },
    );
    try {
      const input = {
        cmd: 'echo inside',
        host: `127.0.0.1:${both.port}`,
        username: user,
        private_key_filename: null,
        private_key: `\${secret:LOCKED}`,
        password: passphrase,
        gateway_host: `127.0.0.1:${gateway.port}`,
        gateway_username: 'keeper',
      };
      expect(await through.run('std.ssh_proxied', input)).toEqual({ result: 'inside\n' });
      const command = await through.run('std.ssh_proxied', { ...input, proxy_command: 'touch /tmp/x' });
      expect(errorOf(command)).toContain('proxy_command cannot be used');
      const nowhere = await through.run('std.ssh_proxied', { ...input, host });
      expect(errorOf(nowhere)).toContain('is in none of the files');
      expect(gateway.commands).toEqual([]);
    } finally {
      await Promise.all([both.stop(), through.close()]);
    }
  });
});

describe('known hosts', () => {
  const blob = Buffer.from('a key').toString('base64');
  const found = (text: string, name: string, port = 22) => knownHost([text], name, port).keys.length;

  test('are found by name, pattern, port and hash', () => {
    expect(found(`a.example ssh-ed25519 ${blob}`, 'A.example')).toBe(1);
    expect(found(`b,a.example ssh-ed25519 ${blob} comment`, 'a.example')).toBe(1);
    expect(found(`*.example,!b.example ssh-ed25519 ${blob}`, 'a.example')).toBe(1);
    expect(found(`*.example,!b.example ssh-ed25519 ${blob}`, 'b.example')).toBe(0);
    expect(found(`?.example ssh-ed25519 ${blob}`, 'aa.example')).toBe(0);
    expect(found(`a.example ssh-ed25519 ${blob}`, 'a.example', 2222)).toBe(0);
    expect(found(`[a.example]:2222 ssh-ed25519 ${blob}`, 'a.example', 2222)).toBe(1);
    const salt = Buffer.from('salt');
    const hash = createHmac('sha1', salt).update('a.example').digest('base64');
    expect(found(`|1|${salt.toString('base64')}|${hash} ssh-ed25519 ${blob}`, 'a.example')).toBe(1);
    expect(found(`|1|${salt.toString('base64')}|${hash} ssh-ed25519 ${blob}`, 'b.example')).toBe(0);
    expect(found(`@cert-authority a.example ssh-ed25519 ${blob}`, 'a.example')).toBe(0);
    expect(found(`# a.example ssh-ed25519 ${blob}\n\ngarbage`, 'a.example')).toBe(0);
  });

  test('a pattern of many stars takes no time', () => {
    const pattern = '*a'.repeat(2000);
    expect(found(`${pattern}b ssh-ed25519 ${blob}`, 'a'.repeat(200))).toBe(0);
  });

  test('hosts may have ports', () => {
    expect(endpointOf('a.example')).toEqual({ host: 'a.example', port: 22 });
    expect(endpointOf('a.example:2222')).toEqual({ host: 'a.example', port: 2222 });
    expect(endpointOf('::1')).toEqual({ host: '::1', port: 22 });
    expect(endpointOf('[::1]:2222')).toEqual({ host: '::1', port: 2222 });
    for (const wrong of ['', 'a:b', 'a@b', 'a:99999', 'a b'])
      expect(() => endpointOf(wrong)).toThrow('cannot be read');
  });
});
