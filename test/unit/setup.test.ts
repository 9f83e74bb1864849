import { execFile, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cacheDirectory, findProgram, projectRoot } from '../servers/cache.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * A checkout with the set-up's scripts, whose npm, pip, go and curl are stand-ins that cannot reach anything: npm lays
 * down what it would have fetched. What is tested is the set-up's own work, without downloads.
 */
describe('the set-up', () => {
  let workspace: Workspace;
  let root: string;
  let cache: string;
  let env: Record<string, string>;

  beforeEach(() => {
    workspace = createWorkspace('setup');
    root = workspace.path('checkout');
    cache = workspace.path('cache');
    mkdirSync(join(root, 'node_modules'), { recursive: true });
    cpSync(join(projectRoot, 'scripts'), join(root, 'scripts'), { recursive: true });
    cpSync(join(projectRoot, 'package-lock.json'), join(root, 'package-lock.json'));
    const tools = workspace.path('tools');
    mkdirSync(tools);
    const programs =
      'sh cat cut date dirname env flock grep head ln mkdir mv readlink rm rmdir sed sleep sort tail tr uname cmp cp';
    for (const program of [...programs.split(' '), 'sha256sum', 'chmod', 'ls', 'touch', 'wc']) {
      const found = ['/usr/bin', '/bin'].map((folder) => join(folder, program)).find(existsSync);
      if (found !== undefined) symlinkSync(found, join(tools, program));
    }
    for (const tool of ['zstd', 'age']) writeFileSync(join(tools, tool), '#!/bin/sh\n', { mode: 0o755 });
    env = { PATH: tools, HOME: workspace.directory, BACKUPCTL_CACHE: cache };
  });
  afterEach(() => workspace.remove());

  const setup = (purpose = 'demo'): Promise<Result> =>
    new Promise((resolve) => {
      execFile('/bin/sh', [join(root, 'scripts', 'setup.sh'), purpose], { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });

  /** A stand-in; `wx`, since writing through one of the links above would replace the system's own program. */
  const tool = (name: string, script: string) =>
    writeFileSync(join(env.PATH ?? '', name), `#!/bin/sh\n${script}\n`, { mode: 0o755, flag: 'wx' });

  /** Every part in place, as a set-up leaves it; the pins' lines for this platform make the stamps. */
  const seed = () => {
    for (const folder of ['bin', 'stamps', 'node-24/bin', 'postgres-18/bin'])
      mkdirSync(join(cache, folder), { recursive: true });
    symlinkSync(findProgram('node'), join(cache, 'node-24', 'bin', 'node'));
    for (const program of ['temporal', 'versitygw'])
      writeFileSync(join(cache, 'bin', program), '', { mode: 0o755 });
    writeFileSync(join(cache, 'postgres-18', 'bin', 'postgres'), '', { mode: 0o755 });
    cpSync(join(cacheDirectory(), 'stamps'), join(cache, 'stamps'), { recursive: true });
    cpSync(join(root, 'package-lock.json'), join(root, 'node_modules', '.installed-lock.json'));
  };

  /** An npm that "fetches" Node with the pinned integrity, and counts how often it did. */
  const fakeNpm = (integrity = '$5') =>
    tool(
      'npm',
      `echo "$*" >>"${workspace.path('npm.calls')}"
       [ "$2" = --prefix ] || exit 0
       sleep 0.3
       while read -r part platform version checksum source; do
         case "$part $* " in "node "*"\${source#npm:}@$version ") package=\${source#npm:}; set -- 1 2 "$3" 4 "$checksum"; break ;; esac
       done <"${root}/scripts/pins.txt"
       mkdir -p "$3/node_modules/$package/bin"
       ln -s "${findProgram('node')}" "$3/node_modules/$package/bin/node"
       printf '      "integrity": "%s"\\n' "${integrity}" >"$3/node_modules/.package-lock.json"`,
    );
  const npmCalls = () =>
    existsSync(workspace.path('npm.calls'))
      ? readFileSync(workspace.path('npm.calls'), 'utf8')
          .split('\n')
          .filter((line) => line.includes('--prefix')).length
      : 0;

  test('with everything there says so for each part, and touches nothing', async () => {
    seed();
    const state = () =>
      ['bin/temporal', 'node-24', 'postgres-18/bin', 'stamps', 'stamps/node'].map(
        (name) => statSync(join(cache, name)).mtimeMs,
      );
    const before = state();
    const result = await setup();
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.match(/ready$/gm)).toHaveLength(6);
    expect(state()).toEqual(before);
    expect(npmCalls()).toBe(0);
  });

  test('installs only the part whose pin has changed', async () => {
    seed();
    fakeNpm();
    writeFileSync(join(cache, 'stamps', 'node'), '24.0.0 sha512-old\n');
    const first = await setup();
    expect(first.stderr).toBe('');
    expect(first.stdout).toMatch(/node 24\.\S+ +installed in \d+ s/);
    expect(first.stdout.match(/ready$/gm)).toHaveLength(5);
    expect(npmCalls()).toBe(1);
    const second = await setup();
    expect(second.stdout).toMatch(/node 24\.\S+ +ready/);
    expect(npmCalls()).toBe(1);
    expect(existsSync(join(cache, 'tmp'))).toBe(false);
  });

  test('two at once install a part once, and both succeed', async () => {
    seed();
    fakeNpm();
    writeFileSync(join(cache, 'stamps', 'node'), 'none\n');
    const results = await Promise.all([setup(), setup(), setup()]);
    expect(results.map((result) => result.code)).toEqual([0, 0, 0]);
    expect(npmCalls()).toBe(1);
  });

  test('one that is killed in the middle leaves a cache that the next one completes', async () => {
    seed();
    fakeNpm();
    writeFileSync(join(cache, 'stamps', 'node'), 'none\n');
    const child = spawn('/bin/sh', [join(root, 'scripts', 'setup.sh'), 'demo'], {
      env,
      detached: true,
      stdio: 'pipe',
    });
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (piece: Buffer) => {
        if (!piece.toString().includes('fetching')) return;
        process.kill(-(child.pid ?? 0), 'SIGKILL');
        resolve();
      });
    });
    expect(existsSync(join(cache, 'stamps', 'node'))).toBe(false);
    const result = await setup();
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(join(cache, 'tmp'))).toBe(false);
    expect(readlinkSync(join(cache, 'node-24', 'bin', 'node'))).toBe(findProgram('node'));
  });

  test('where flock is missing, a lock that a dead one left is taken over', async () => {
    seed();
    fakeNpm();
    writeFileSync(join(cache, 'stamps', 'node'), 'none\n');
    await promisify(execFile)('rm', ['-f', join(env.PATH ?? '', 'flock')]);
    const dead = spawn('true');
    await new Promise((resolve) => dead.once('exit', resolve));
    symlinkSync(String(dead.pid), join(cache, 'lock.pid'));
    const results = await Promise.all([setup(), setup()]);
    expect(results.map((result) => result.code)).toEqual([0, 0]);
    expect(npmCalls()).toBe(1);
    expect(existsSync(join(cache, 'lock.pid'))).toBe(false);
  });

  test('what npm brings under another checksum is refused in one line, and the old part stays', async () => {
    seed();
    fakeNpm('sha512-other');
    writeFileSync(join(cache, 'stamps', 'node'), 'none\n');
    const result = await setup();
    expect(result.code).toBe(13);
    expect(result.stderr).toMatch(
      /^setup: node: what npm brought for \S+ has another checksum than scripts\/pins\.txt/,
    );
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(2);
    expect(existsSync(join(cache, 'node-24', 'bin', 'node'))).toBe(true);
  });

  test('a tool that cannot be had is named with the commands for apt, dnf and brew, and the rest is set up', async () => {
    seed();
    tool('id', 'echo 1000');
    await promisify(execFile)('rm', ['-f', join(env.PATH ?? '', 'zstd')]);
    const result = await setup();
    expect(result.code).toBe(13);
    expect(result.stderr).toContain(
      'setup: zstd: not found; install it with: apt-get install zstd | dnf install zstd | brew install zstd',
    );
    expect(result.stdout).toMatch(/age +ready/);
  });
});
