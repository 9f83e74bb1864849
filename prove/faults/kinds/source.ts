import { setTimeout as sleep } from 'node:timers/promises';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import { startProxy } from '../../../test/servers/proxy.ts';
import { contentOf } from '../databases.ts';
import { type FaultKind, type Injected, pick } from '../kind.ts';
import { soon } from '../victims.ts';
import type { World } from '../world.ts';

const worlds = ['directory', 'bucket', 'copied'] as const;

/** What the end of a server or of a connection makes of a run, in the words of PostgreSQL, its tools and ours. */
const gone =
  /server closed the connection|terminating connection|connection (to server|is gone|was|ended|refused|reset|terminated)|Connection terminated|ECONNRE|shutting down|starting up|recovery mode|not yet accepting|does not answer|SSL SYSCALL|could not (receive|send)|no connection to the server|went away|lost connection/i;

/** Something that a fault did at the source for a while, and how that is undone. */
function whileHeld(what: string, struck: boolean, lift: () => Promise<unknown>): Injected {
  return {
    struck,
    what,
    lift: async () => {
      await lift();
    },
  };
}

/** Waits until the product is connected to the source. */
const connected = (world: World) =>
  soon(() => (world.source.connections > 0 ? world.source.connections : null));

const killed: FaultKind = {
  name: 'source-kill',
  group: 'source',
  takes: 'postgres',
  does: 'PostgreSQL killed with SIGKILL, started again after a while',
  worlds,
  reasons: [gone],
  async inject(world) {
    const open = await connected(world);
    await world.postgres.kill9();
    return whileHeld(`PostgreSQL killed under ${open} connections`, true, () => world.postgres.restart());
  },
};

const restarted: FaultKind = {
  name: 'source-restart',
  group: 'source',
  takes: 'postgres',
  does: 'PostgreSQL restarted (fast)',
  worlds,
  hold: [0, 200],
  reasons: [gone],
  async inject(world) {
    const open = await connected(world);
    await world.postgres.restart();
    return whileHeld(`PostgreSQL restarted under ${open} connections`, open !== null, async () => {});
  },
};

const reset: FaultKind = {
  name: 'source-reset',
  group: 'source',
  does: 'every connection to PostgreSQL reset, new ones too after some bytes',
  worlds,
  reasons: [gone],
  async inject(world, random) {
    const open = await connected(world);
    const after = Math.floor(random() * 200_000);
    world.source.resetAll();
    const fault = world.source.inject({ action: 'reset', direction: 'to-client', after });
    return whileHeld(`${open} connections reset, new ones after ${after} bytes`, open !== null, async () => {
      fault.remove();
    });
  },
};

const silent: FaultKind = {
  name: 'source-blackhole',
  group: 'source',
  does: 'nothing passes any more between us and PostgreSQL, and no connection ends',
  worlds,
  hold: [1000, 9000],
  reasons: [gone, /no byte moved|timed out|timeout/i],
  async inject(world, random) {
    const open = await connected(world);
    const direction = pick(random, ['to-client', 'to-server'] as const);
    const fault = world.source.inject({ action: 'blackhole', direction });
    return whileHeld(`nothing passes ${direction}`, open !== null, async () => {
      fault.remove();
      // What was swallowed does not come again: such a connection is dead.
      world.source.resetAll();
    });
  },
};

const terminated: FaultKind = {
  name: 'source-terminate-backend',
  group: 'source',
  does: 'pg_terminate_backend on one of our sessions',
  worlds,
  hold: [0, 200],
  reasons: [gone],
  async inject(world) {
    const who = await soon(async () => {
      const row = await world.postgres
        .psql(
          `SELECT application_name || ' in ' || datname FROM (
           SELECT *, pg_terminate_backend(pid) AS done FROM pg_stat_activity WHERE client_addr IS NOT NULL LIMIT 1) s
         WHERE done`,
        )
        .catch(() => '');
      return row === '' ? null : row;
    });
    return whileHeld(`terminated ${who}`, who !== null, async () => {});
  },
};

/** A table that is changed while it is being dumped; a lock that we cannot have soon is given up. */
function changedTable(name: string, does: string, change: string, back: string): FaultKind {
  return {
    name,
    group: 'source',
    does,
    worlds,
    reasons: [
      /relation .* does not exist|could not open relation|has changed|cache lookup failed|was dropped|lock/i,
    ],
    async inject(world) {
      await connected(world);
      const statement = `SET lock_timeout = '4s'; ${change}`;
      let done = false;
      const changing = world.postgres.psql(statement, 'shop').then(
        async () => {
          done = true;
          const states = world.sourceStates.get('shop') ?? new Set();
          world.sourceStates.set('shop', states.add(await contentOf(world.postgres, 'shop')));
        },
        () => {},
      );
      return {
        get struck() {
          return done;
        },
        what: change,
        async lift() {
          await changing;
          if (done) await retried(() => world.postgres.psql(back, 'shop'));
        },
      };
    },
  };
}

const dropped = changedTable(
  'source-table-dropped',
  'a table dropped during the dump',
  'DROP TABLE noise',
  `CREATE TABLE noise AS SELECT i AS id, decode(md5(i::text) || md5((i * 7)::text), 'hex') AS bytes FROM generate_series(1, 15000) i`,
);
const altered = changedTable(
  'source-table-altered',
  'a table rewritten by ALTER TABLE during the dump',
  'ALTER TABLE noise ALTER COLUMN id TYPE bigint, ADD COLUMN more text',
  'ALTER TABLE noise DROP COLUMN more, ALTER COLUMN id TYPE int',
);

const locked: FaultKind = {
  name: 'source-lock',
  group: 'source',
  does: 'a table locked (ACCESS EXCLUSIVE) for up to nine seconds',
  worlds,
  hold: [1000, 9000],
  reasons: [/lock|no byte moved/i],
  async inject(world) {
    // A session of ours, by the socket, that holds the lock until it is ended.
    const holding = world.postgres
      .psql(
        `BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60), 'the lock of a fault'`,
        'shop',
      )
      .catch(() => {});
    return whileHeld('LOCK TABLE items', true, async () => {
      await retried(() =>
        world.postgres.psql(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%the lock of a fault%' AND pid <> pg_backend_pid()`,
        ),
      );
      await holding;
    });
  },
};

const passwordChanged: FaultKind = {
  name: 'source-password-changed',
  group: 'source',
  takes: 'postgres',
  does: 'the password of our user changed, and changed back',
  worlds,
  reasons: [/password|authentication/i],
  async inject(world) {
    await world.postgres.psql(`ALTER ROLE postgres PASSWORD 'another one'`);
    return whileHeld('ALTER ROLE postgres PASSWORD', true, () =>
      retried(() =>
        world.postgres.psql(`ALTER ROLE postgres PASSWORD '${world.postgres.superuserPassword}'`),
      ),
    );
  },
};

const diskFull: FaultKind = {
  name: 'source-disk-full',
  group: 'source',
  takes: 'postgres',
  does: 'no room left on the disk of PostgreSQL, which is also where restores go',
  worlds,
  weight: 1.5,
  hold: [1000, 6000],
  // "starting batch" is what PostgreSQL 18 says in a session in which reading was cut short by such an error.
  reasons: [
    gone,
    /No space left|could not (extend|write|create|open)|disk full|PANIC|buffer is pinned|starting batch while batch already/i,
  ],
  async inject(world, random) {
    if (world.fillSource === null)
      return whileHeld('the disk of the source is not small', false, async () => {});
    const left = Math.floor(random() * 3_000_000);
    const free = await world.fillSource(left);
    return whileHeld(`${left} bytes left on the disk of PostgreSQL`, true, async () => {
      await free();
      // A server that panicked recovers by itself; one that could not is started again.
      await retried(() => world.postgres.psql('SELECT 1')).catch(() => world.postgres.restart());
    });
  },
};

/** The same databases behind the same address, of PostgreSQL 15 at first and of 18 from then on. */
const upgraded: FaultKind = {
  name: 'source-upgrade',
  group: 'source',
  does: 'an instance whose server is upgraded from PostgreSQL 15 to 18 between two backups; the older one restored into the newer server',
  worlds,
  weight: 0.3,
  hold: [0, 100],
  reasons: [],
  async inject(world) {
    const wrong: string[] = [];
    const target = { host: '127.0.0.1', port: 0 };
    const old = await startPostgres({ version: 15, superuserPassword: world.postgres.superuserPassword });
    const proxy = await startProxy(target);
    const name = `upgraded-${old.port}`;
    const database = `upgraded_${old.port}`;
    try {
      target.port = old.port;
      for (const server of [old, world.postgres]) await createUpgraded(server, database);
      const url = `postgres://postgres@127.0.0.1:${proxy.port}/${database}`;
      const file = world.passwordFile;
      const made = await world.platform.cli(['instance-create', name, '--url', url, '--password-file', file]);
      if (made.code !== 0) return whileHeld(`the platform is away: ${made.stderr}`, false, async () => {});
      const words = ['backup-create', name, name, '--wait', '--json'];
      const before = await world.platform.cli(words);
      proxy.resetAll();
      target.port = world.postgres.port;
      const after = await world.platform.cli(words);
      for (const { code, stderr } of [before, after]) {
        if (code !== 0 && !/unavailable|does not answer/.test(stderr))
          wrong.push(`a backup of it ended with ${code}: ${stderr}`);
      }
      if (before.code === 0) {
        const { id } = JSON.parse(before.stdout) as { id: string };
        const back = `${database}_back`;
        const to = ['restore-create', id, '--to', name, '--create-database', back, '--wait'];
        const restored = await world.platform.cli(to);
        if (restored.code !== 0)
          wrong.push(`the backup of 15 cannot be restored into 18: ${restored.stderr}`);
        else if ((await contentOf(world.postgres, back)) !== (await contentOf(old, database))) {
          wrong.push('the backup of 15 is another one in 18');
        }
      }
    } finally {
      await old.stop();
    }
    return {
      struck: true,
      what: `${name} on 15, then on 18`,
      wrong,
      async lift() {
        await world.platform.cli(['instance-delete', name]);
        for (const each of [database, `${database}_back`]) {
          await retried(() => world.postgres.psql(`DROP DATABASE IF EXISTS ${each} WITH (FORCE)`));
        }
        await proxy.stop();
      },
    };
  },
};

async function createUpgraded(server: PostgresServer, database: string): Promise<void> {
  await server.psql(`CREATE DATABASE ${database}`);
  await server.psql(
    'CREATE TABLE moved (id int PRIMARY KEY, name text); INSERT INTO moved SELECT i, md5(i::text) FROM generate_series(1, 5000) i',
    database,
  );
}

/** Tries a statement again while the server is coming up (another fault of the run may have ended it). */
async function retried<T>(statement: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await statement();
    } catch (error) {
      if (attempt === 60) throw error;
      await sleep(200);
    }
  }
}

export const sourceKinds: readonly FaultKind[] = [
  killed,
  restarted,
  reset,
  silent,
  terminated,
  dropped,
  altered,
  locked,
  passwordChanged,
  diskFull,
  upgraded,
];
