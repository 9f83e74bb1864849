import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { filesBelow } from '../../../test/integration/fixture.ts';
import { descendants, isAlive } from '../../../test/servers/process.ts';
import { until } from '../../../test/servers/wait.ts';
import { spawnCli } from '../../../test/servers/workspace.ts';
import { between, type FaultKind, type Injected, pick } from '../kind.ts';
import { nameOf, signal } from '../victims.ts';
import type { World } from '../world.ts';

const run = promisify(execFile);
const worlds = ['directory', 'bucket', 'copied'] as const;

/** What a command says that finds nobody, or is cut off while it waits. */
const nobody = [/^start: (unavailable|lost)/, /^start: exit code (6|null)/];

/** What a restore says that its worker's end has cut: it cannot always go on. */
const restoreCut = [/^restore: .*(the worker|exists|is not empty|was filling|half-filled)/];

function killed(what: 'up' | 'everything'): FaultKind {
  return {
    name: what === 'up' ? 'us-worker-kill' : 'us-platform-kill',
    group: 'us',
    takes: 'platform',
    does:
      what === 'up'
        ? '`up` killed with SIGKILL, started again'
        : '`up` and all below it killed, started again',
    worlds,
    weight: 1.2,
    hold: [0, 3000],
    reasons: [...nobody, ...restoreCut],
    async inject(world) {
      await world.platform.kill9(what);
      return { struck: true, what: `SIGKILL to ${what}`, lift: () => world.restartPlatform() };
    },
  };
}

const told: FaultKind = {
  name: 'us-sigterm',
  group: 'us',
  takes: 'platform',
  does: '`up` told to stop (SIGTERM) in the middle of everything, started again',
  worlds,
  hold: [0, 2000],
  reasons: [...nobody, ...restoreCut],
  async inject(world) {
    const { code, stderr } = await world.platform.shutDown();
    return {
      struck: true,
      what: 'SIGTERM to up',
      wrong: code === 0 ? [] : [`up, told to stop, ended with ${code}: ${stderr.slice(-400)}`],
      lift: () => world.restartPlatform(),
    };
  },
};

const paused: FaultKind = {
  name: 'us-worker-stop',
  group: 'us',
  takes: 'platform',
  does: '`up` stopped (SIGSTOP), and woken before its heartbeats are missed',
  worlds,
  hold: [1000, 12_000],
  reasons: nobody,
  async inject(world) {
    const { pid } = world.platform;
    return {
      struck: signal(pid, 'SIGSTOP'),
      what: 'SIGSTOP to up',
      lift: async () => void signal(pid, 'SIGCONT'),
    };
  },
};

/** The classic: it loses contact, another one takes over and commits, and it wakes with its bytes in hand. */
const zombie: FaultKind = {
  name: 'us-zombie',
  group: 'us',
  takes: 'platform',
  does: '`up` and its tools stopped; another worker takes over; then they wake',
  worlds,
  weight: 0.4,
  hold: [27_000, 36_000],
  reasons: [...nobody, ...restoreCut],
  async inject(world) {
    const temporal = new Set(['temporal', 'setpriv']);
    const all = [world.platform.pid, ...(await descendants(world.platform.pid))];
    const stopped = all.filter((pid) => !temporal.has(nameOf(pid)) && signal(pid, 'SIGSTOP'));
    const second = spawnCli(['worker'], { env: { ...world.env, ...world.platform.env }, timeout: 600_000 });
    return {
      struck: true,
      what: `SIGSTOP to up and ${stopped.length - 1} below it, another worker beside`,
      async lift() {
        for (const pid of stopped) signal(pid, 'SIGCONT');
        // The other one may be in the middle of something; told to stop, it finishes that.
        second.kill('SIGTERM');
        await second.result;
      },
    };
  },
};

const descriptors: FaultKind = {
  name: 'us-no-descriptors',
  group: 'us',
  takes: 'platform',
  does: '`up` out of file descriptors (`prlimit --nofile`)',
  worlds,
  hold: [500, 5000],
  // Backups are tried again; a restore says for each database what came in between.
  reasons: [...nobody, /^restore: .*(EMFILE|too many open files|cannot be started|does not answer)/i],
  async inject(world, random) {
    const { pid } = world.platform;
    const open = readdirSync(`/proc/${pid}/fd`).length;
    const more = Math.floor(between(random, 0, 12));
    const before = limitOf(await readFile(`/proc/${pid}/limits`, 'utf8'));
    // The soft limit alone: raising the hard one again takes root.
    await run('prlimit', ['--pid', String(pid), `--nofile=${open + more}:${before.hard}`]);
    return {
      struck: true,
      what: `at most ${open + more} descriptors, ${open} of them in use`,
      async lift() {
        const limit = `--nofile=${before.soft}:${before.hard}`;
        if (isAlive(pid)) await run('prlimit', ['--pid', String(pid), limit]);
        await startedAgain(world);
      },
    };
  },
};

function limitOf(limits: string): { soft: string; hard: string } {
  const [, soft = '1024', hard = '1024'] = /Max open files\s+(\S+)\s+(\S+)/.exec(limits) ?? [];
  return { soft, hard };
}

const groups = '/sys/fs/cgroup/memory';

const memory: FaultKind = {
  name: 'us-memory',
  group: 'us',
  takes: 'platform',
  does: '`up` (Temporal and tools apart) in a cgroup that has hardly more memory than it uses',
  worlds,
  weight: 0.6,
  hold: [1500, 6000],
  reasons: [...nobody, ...restoreCut],
  async inject(world, random) {
    const { pid } = world.platform;
    if (!existsSync(`${groups}/memory.limit_in_bytes`)) return nothing('there is no cgroup for memory here');
    const group = join(groups, `backupctl-test-${process.pid}-${pid}`);
    mkdirSync(group);
    const more = Math.floor(between(random, 2, 40)) * 1024 * 1024;
    const limit = join(group, 'memory.limit_in_bytes');
    try {
      writeFileSync(join(group, 'cgroup.procs'), String(pid));
      const [, rss = '0'] = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
      // What it used before it came is counted elsewhere: the group counts what it takes from now on.
      writeFileSync(limit, String(more));
      return {
        struck: true,
        what: `${more / 2 ** 20} MiB more for up, which has ${Math.round(Number(rss) / 1024)}`,
        async lift() {
          writeFileSync(limit, '-1');
          for (const each of (await readFile(join(group, 'cgroup.procs'), 'utf8')).split('\n')) {
            if (each !== '') move(each);
          }
          rmdirSync(group);
          await startedAgain(world);
        },
      };
    } catch (error) {
      move(String(pid));
      rmdirSync(group);
      throw error;
    }
  },
};

function move(pid: string): void {
  try {
    writeFileSync(join(groups, 'cgroup.procs'), pid);
  } catch {
    // It has ended.
  }
}

/** Where a fault has ended `up`, somebody (systemd, a person) starts it again. */
async function startedAgain(world: World): Promise<void> {
  await sleep(300);
  if (!isAlive(world.platform.pid)) await world.restartPlatform();
}

const library = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
].find((path) => existsSync(path));

const off = (by: '+1d' | '-1d') => ({
  LD_PRELOAD: library ?? '',
  FAKETIME: by,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  DONT_FAKE_MONOTONIC: '1',
});

function workerClock(by: '+1d' | '-1d'): FaultKind {
  return {
    name: by === '+1d' ? 'us-worker-clock-ahead' : 'us-worker-clock-behind',
    group: 'us',
    takes: 'platform',
    does: `\`up\` started again with a clock a day ${by === '+1d' ? 'ahead' : 'behind'}, then with the right one`,
    // S3 refuses requests whose clock is off by more than a quarter of an hour: that is a kind of the store.
    worlds: ['directory'],
    weight: 0.5,
    hold: [3000, 7000],
    reasons: [...nobody, ...restoreCut],
    async inject(world) {
      if (library === undefined) return nothing('faketime is not installed');
      await world.platform.shutDown();
      Object.assign(world.env, off(by));
      await world.restartPlatform();
      return {
        struck: true,
        what: `up with a clock of ${by}`,
        async lift() {
          await world.platform.shutDown();
          for (const name of Object.keys(off(by))) delete world.env[name];
          await world.restartPlatform();
        },
      };
    },
  };
}

function commandClock(by: '+1d' | '-1d'): FaultKind {
  return {
    name: by === '+1d' ? 'us-command-clock-ahead' : 'us-command-clock-behind',
    group: 'us',
    does: `commands run with a clock a day ${by === '+1d' ? 'ahead' : 'behind'}`,
    worlds: ['directory'],
    weight: 0.5,
    hold: [0, 100],
    reasons: [],
    async inject(world) {
      if (library === undefined) return nothing('faketime is not installed');
      const wrong: string[] = [];
      const words = ['backup-create', 'billing', 'by-another-clock', '--wait', '--json'];
      const made = await world.platform.cli(words, { env: off(by) });
      if (![0, 6, 7].includes(made.code ?? -1))
        wrong.push(`${words.join(' ')} ended with ${made.code}: ${made.stderr}`);
      if (made.code === 0) {
        const { id, created_at } = JSON.parse(made.stdout) as { id: string; created_at: string };
        const age = Math.abs(Date.now() - Date.parse(created_at)) / 1000;
        if (age > 600)
          wrong.push(`backup ${id} was created ${Math.round(age)} s from now, by a clock that is wrong`);
      }
      return { struck: true, what: `backup-create with a clock of ${by}`, wrong, lift: async () => {} };
    },
  };
}

const twice: FaultKind = {
  name: 'us-same-command-twice',
  group: 'us',
  does: 'the same command twice at once',
  worlds,
  hold: [0, 100],
  reasons: nobody,
  async inject(world, random) {
    const { items } = await world.client().backupList({ limit: 200 });
    const completed = items.filter(({ status }) => status === 'COMPLETED');
    const last = completed.filter(({ instanceName }) => instanceName === 'orders').at(0);
    const words = pick(random, [
      ['backup-create', 'billing', 'twice', '--wait'],
      ['janitor-run', '--grace', '0', '--wait'],
      ['schedule-trigger', world.scheduleId, '--wait'],
      ...(last === undefined ? [] : [['backup-verify', last.id, '--data']]),
      ['restore-create', 'billing@latest', '--to', 'orders', '--create-database', 'twice', '--dry-run'],
    ]);
    const ends = await Promise.all([world.platform.cli(words), world.platform.cli(words)]);
    const wrong = ends
      .filter(({ code, stderr }) => code === 1 || code === null || stderr.includes('\n    at '))
      .map(({ code, stderr }) => `${words.join(' ')}, twice at once, ended with ${code}: ${stderr}`);
    return {
      struck: true,
      what: `${words.join(' ')} twice: ${ends.map(({ code }) => code).join(' and ')}`,
      wrong,
      lift: async () => {},
    };
  },
};

const twoPlatforms: FaultKind = {
  name: 'us-two-platforms',
  group: 'us',
  does: 'a second `up`, with a data directory of its own, on the same repository',
  worlds,
  weight: 0.4,
  hold: [0, 3000],
  reasons: [],
  async inject(world) {
    const dataDir = world.workspace.path('rival');
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const configuration = await readFile(join(world.platform.dataDir, 'backupctl.yaml'), 'utf8');
    writeFileSync(join(dataDir, 'backupctl.yaml'), configuration, { mode: 0o600 });
    const epochs = async () =>
      (await filesBelow(world.repository)).filter((file) => file.startsWith('epochs/'));
    const before = await epochs();
    const second = spawnCli(['up', '--data-dir', dataDir, '--ready-file', join(dataDir, 'ready')], {
      env: world.env,
      timeout: 120_000,
    });
    let ended = false;
    void second.result.then(() => {
      ended = true;
    });
    await until(() => ended || existsSync(join(dataDir, 'ready')) || /recover/.test(second.stdout), {
      what: 'the second up',
      timeout: 90_000,
    });
    const wrong: string[] = [];
    return {
      struck: true,
      what: `a second up, which ${ended ? 'ended' : 'runs beside'}`,
      wrong,
      async lift() {
        second.kill('SIGTERM');
        const { code, stderr, stdout } = await second.result;
        const said = stdout + stderr;
        if (!/recover/.test(said))
          wrong.push(`a second up does not name recover (${code}): ${said.slice(-600)}`);
        const after = await epochs();
        if (after.length !== before.length) wrong.push(`a second up took an epoch: ${after.join(' ')}`);
        await run('rm', ['-rf', dataDir]);
      },
    };
  },
};

const controlPlaneLost: FaultKind = {
  name: 'us-control-plane-lost',
  group: 'us',
  takes: 'platform',
  does: 'everything killed, schedules and histories and the id of the platform lost; `recover`, then `up`',
  worlds,
  weight: 0.6,
  hold: [0, 500],
  reasons: [...nobody, ...restoreCut, /^start: not-found/],
  async inject(world) {
    const { dataDir } = world.platform;
    const exported = (await filesBelow(world.repository)).some((file) => file.includes(world.scheduleId));
    // Within a minute of its creation a schedule is in the repository; before that there is nothing to recover it from.
    if (!exported) return nothing('the schedule is not exported yet');
    await world.platform.kill9('everything');
    world.historyLost = true;
    for (const name of readdirSync(dataDir)) {
      if (/^(temporal\.db.*|platform\.json|platform-id.*)$/.test(name)) rmSync(join(dataDir, name));
    }
    const wrong: string[] = [];
    return {
      struck: true,
      what: 'temporal.db and the platform id removed',
      wrong,
      async lift() {
        const words = ['recover', '--data-dir', dataDir, '--activate', '--json'];
        const { code, stderr } = await world.platform.cli(words, { env: world.env });
        // What had not been copied yet when everything was lost is missing in the copy, and named.
        const behind = code === 9 && /^backupctl: second \(.*\) lacks \d+ backups/m.test(stderr);
        if (code !== 0 && !behind) wrong.push(`recover ended with ${code}: ${stderr}`);
        await world.restartPlatform();
        const schedules = await world.client().scheduleList();
        if (!schedules.some(({ id }) => id === world.scheduleId))
          wrong.push('recover brought no schedule back');
      },
    };
  },
};

function nothing(what: string): Injected {
  return { struck: false, what, lift: async () => {} };
}

export const usKinds: readonly FaultKind[] = [
  killed('up'),
  killed('everything'),
  controlPlaneLost,
  told,
  paused,
  zombie,
  descriptors,
  memory,
  workerClock('+1d'),
  workerClock('-1d'),
  commandClock('+1d'),
  commandClock('-1d'),
  twice,
  twoPlatforms,
];
