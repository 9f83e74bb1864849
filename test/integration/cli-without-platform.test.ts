import { spawn } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { commandNames, loadAllCommands } from '../../cli/catalog.ts';
import { flagsOf, groups, kebabCase } from '../../cli/command.ts';
import { exitCodes } from '../../cli/exit-codes.ts';
import { putInstance } from '../../repository/registry.ts';
import { openStore } from '../../repository/stores/open.ts';
import { cliEnvironment, createWorkspace, launcher, runCli } from '../servers/workspace.ts';

const workspace = createWorkspace('cli');
afterAll(() => workspace.remove());

/** Runs a script of bash that may name the launcher as `$1`. */
function bash(
  script: string,
  env: Record<string, string> = {},
): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['--norc', '-c', script, 'bash', launcher], { env: cliEnvironment(env) });
    let out = '';
    let err = '';
    child.stdout.on('data', (piece: Buffer) => (out += piece.toString()));
    child.stderr.on('data', (piece: Buffer) => (err += piece.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

describe('help', async () => {
  const commands = await loadAllCommands();

  test('backupctl --help lists every command below its group, and exits 0', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const group of groups) expect(stdout).toContain(`\n${group}:\n`);
    for (const name of commandNames) expect(stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
    expect((await runCli(['help'])).stdout).toBe(stdout);
  });

  test('each command has --help with its flags and with examples', async () => {
    const waiting = [...commands];
    const seen: string[] = [];
    const work = async (): Promise<void> => {
      for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) {
        const { code, stdout, stderr } = await runCli([each.name, '--help']);
        expect([each.name, code, stderr]).toEqual([each.name, 0, '']);
        expect(stdout).toContain(`Usage: backupctl ${each.name}`);
        for (const name of Object.keys(flagsOf(each))) expect(stdout).toContain(`--${kebabCase(name)}`);
        for (const [line] of each.examples) expect(stdout).toContain(line);
        seen.push(each.name);
      }
    };
    await Promise.all([work(), work(), work(), work()]);
    expect(seen.sort()).toEqual([...commandNames].sort());
  });

  test('help COMMAND is COMMAND --help', async () => {
    const [one, other] = await Promise.all([runCli(['help', 'up']), runCli(['up', '-h'])]);
    expect(one.stdout).toBe(other.stdout);
    expect(one.stdout).toContain('--ready-file');
  });
});

test('--version prints one line', async () => {
  const { code, stdout } = await runCli(['--version']);
  expect(stdout).toMatch(/^backupctl \d+\.\d+\.\d+\n$/);
  expect(code).toBe(0);
});

test('| head -1 ends in silence, also when the reader is gone before the first line', async () => {
  const { code, out, err } = await bash('set -o pipefail; "$1" --help | head -1');
  expect({ code, out, err }).toEqual({
    code: 0,
    out: 'Usage: backupctl COMMAND [arguments] [flags]\n',
    err: '',
  });
  const gone = await bash('set -o pipefail; "$1" completion fish | true');
  expect(gone).toEqual({ code: 0, out: '', err: '' });
});

describe('completion', () => {
  /** What bash offers after these words. */
  async function offered(...words: string[]): Promise<string[]> {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const { out, err } = await bash(
      `source <("$1" completion bash); COMP_WORDS=(backupctl ${quoted}); COMP_CWORD=${words.length}; _backupctl; printf '%s\\n' "\${COMPREPLY[@]}"`,
    );
    expect(err).toBe('');
    return out.split('\n').filter(Boolean);
  }

  test('bash completes commands', async () => {
    expect(await offered('schedule-c')).toEqual(['schedule-create']);
    expect(await offered('--data-dir', '/srv', 'execution-')).toEqual(
      commandNames.filter((name) => name.startsWith('execution-')),
    );
    expect(await offered('')).toEqual(expect.arrayContaining([...commandNames]));
  });

  test('bash completes the flags of a command, and their values', async () => {
    expect(await offered('schedule-create', '--over')).toEqual(['--overlap']);
    expect(await offered('schedule-create', '--overlap', '')).toEqual(['skip', 'wait', 'cancel-other']);
    expect(await offered('schedule-list', '--over')).toEqual([]);
    expect(await offered('completion', 'z')).toEqual(['zsh']);
  });

  test.each(['bash', 'zsh', 'fish'])('the script for %s names every command and flag', async (shell) => {
    const { stdout, stderr, code } = await runCli(['completion', shell]);
    expect([code, stderr]).toEqual([0, '']);
    for (const command of await loadAllCommands()) {
      expect(stdout).toContain(command.name);
      for (const name of Object.keys(command.flags)) expect(stdout).toContain(kebabCase(name));
    }
  });
});

describe('keys and repository without a platform', () => {
  test('key-create, repository-init and key-check print JSON alone, and the second init changes nothing', async () => {
    const env = { BACKUPCTL_DATA_DIR: workspace.path('platform') };
    let said = '';
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli(args, { env });
      expect([code, stderr]).toEqual([0, said]);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    const keys = await run('key-create', '--json');
    expect(keys).toMatchObject({ id: keys.signer, recipient: expect.stringMatching(/^age1/) });
    const made = await run('repository-init', '--json');
    expect(made).toMatchObject({
      created: true,
      keys_created: false,
      format: 1,
      recipients: [keys.recipient],
    });
    expect(await run('repository-init', '--json')).toMatchObject({ id: made.id, created: false });
    expect(await run('key-check', '--json')).toMatchObject({ id: made.id, signer: keys.signer, backups: [] });
    said = 'backupctl: a platform or a worker that runs now uses new keys after its next start\n';
    const rotated = await run('key-rotate', '--json');
    expect(rotated.recipient).not.toBe(keys.recipient);
    expect(rotated.signer).toBe(keys.signer);
    const list = await runCli(['instance-list', '--json'], { env });
    expect(list).toMatchObject({ code: 0, stdout: '[]\n', stderr: '' });
    expect((await runCli(['instance-list', '--yaml'], { env })).stdout).toBe('[]\n');
  });
});

test('one damaged entry of an instance is named, and hides no other', async () => {
  const env = { BACKUPCTL_DATA_DIR: workspace.path('damaged') };
  for (const command of ['key-create', 'repository-init'])
    expect((await runCli([command], { env })).code).toBe(0);
  const store = await openStore({ type: 'filesystem', path: workspace.path('damaged', 'repository') });
  const now = '2026-03-04T05:06:07.000Z';
  const [good, bad] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
  await putInstance(store, {
    ...{ id: good, revision: 1, deleted: false, name: 'orders', engine: 'postgres' },
    ...{ url: 'postgres://u@h/d', password: null, task_queue: null, created_at: now, updated_at: now },
  });
  await store.create(`instances/${bad}/1.json`, Buffer.from('{"id":'));
  const { code, stdout, stderr } = await runCli(['instance-list', '--json'], { env });
  expect(JSON.parse(stdout)).toMatchObject([{ id: good, name: 'orders' }]);
  expect(stderr).toMatch(
    new RegExp(`^backupctl: warning: the entry of instance ${bad} cannot be read: .+\\n$`),
  );
  expect(code).toBe(exitCodes.damaged.code);
  const backups = await runCli(['backup-list', '--json'], { env });
  expect(backups.stderr).toContain(`the entry of instance ${bad} cannot be read`);
  expect(JSON.parse(backups.stdout)).toEqual([]);
});

test('a bug is one line with what to do, and shows its stack with --debug only', async () => {
  const script = `
    const { reportFailure } = await import(process.argv[1]);
    const cause = new Error('inner');
    process.exitCode = reportFailure(new TypeError('outer\\nline', { cause }), process.argv[2] === 'debug');`;
  const module = new URL('../../cli/failure.ts', import.meta.url).href;
  const node = (mode: string) =>
    bash(`"${process.execPath}" --input-type=module -e "$SCRIPT" "${module}" ${mode}`, { SCRIPT: script });
  const plain = await node('plain');
  expect(plain.code).toBe(1);
  expect(plain.err).toMatch(
    /^backupctl: a fault of backupctl itself \(outer line\): run it again with --debug[^\n]*\n$/,
  );
  const debug = await node('debug');
  expect(debug.err).toMatch(/TypeError: outer[\s\S]*caused by: Error: inner/);
});
