import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client, Connection } from '@temporalio/client';
import { descendants } from '../../../test/servers/process.ts';
import type { FaultKind } from '../kind.ts';
import { nameOf, signal, soon } from '../victims.ts';
import type { World } from '../world.ts';

const worlds = ['directory', 'bucket', 'copied'] as const;
const nobody = [/^start: (unavailable|lost)/, /^start: exit code (6|null)/];

/** The server of the platform, not what starts it. */
async function serverOf(world: World): Promise<number | null> {
  for (const pid of await descendants(world.platform.pid)) if (nameOf(pid) === 'temporal') return pid;
  return null;
}

const killed: FaultKind = {
  name: 'temporal-kill',
  group: 'temporal',
  takes: 'temporal',
  does: 'the Temporal server killed; `up` starts it again',
  worlds,
  hold: [0, 1000],
  reasons: nobody,
  async inject(world) {
    const pid = await serverOf(world);
    return {
      struck: pid !== null && signal(pid, 'SIGKILL'),
      what: `SIGKILL to temporal ${pid}`,
      lift: async () => {},
    };
  },
};

function silent(name: string, does: string, hold: readonly [number, number], minutes: boolean): FaultKind {
  return {
    name,
    group: 'temporal',
    takes: 'temporal',
    does,
    worlds,
    minutes,
    hold,
    reasons: [...nobody, /^(restore|backup|delete|janitor): .*(the worker that did the work was lost)/],
    async inject(world) {
      const pid = await serverOf(world);
      const struck = pid !== null && signal(pid, 'SIGSTOP');
      return {
        struck,
        what: `SIGSTOP to temporal ${pid}`,
        async lift() {
          if (pid !== null) signal(pid, 'SIGCONT');
        },
      };
    },
  };
}

const locked: FaultKind = {
  name: 'temporal-database-locked',
  group: 'temporal',
  takes: 'temporal',
  does: "Temporal's database locked by another process",
  worlds,
  hold: [500, 9000],
  reasons: nobody,
  async inject(world) {
    const database = new DatabaseSync(join(world.platform.dataDir, 'temporal.db'), { timeout: 4000 });
    const struck = await soon(() => {
      try {
        database.exec('BEGIN IMMEDIATE');
        return true;
      } catch {
        return null;
      }
    });
    return {
      struck: struck === true,
      what: 'BEGIN IMMEDIATE in temporal.db',
      async lift() {
        if (struck === true) database.exec('ROLLBACK');
        database.close();
      },
    };
  },
};

/** Bytes of a history at which the server ends its run, by default: 50 MiB. */
const signals = 36;
const signalBytes = 1_500_000;

const historyFull: FaultKind = {
  name: 'temporal-history-full',
  group: 'temporal',
  takes: 'temporal',
  does: 'the history of a running backup filled up to the limit at which Temporal ends the run',
  worlds,
  weight: 0.3,
  hold: [0, 200],
  reasons: [
    ...nobody,
    /the run was terminated in Temporal|history|exceeds|limit|the run failed before it could say why/i,
  ],
  async inject(world) {
    const connection = await Connection.connect({ address: `127.0.0.1:${world.platform.temporalPort}` });
    try {
      const client = new Client({ connection });
      const found = await soon(async () => {
        for await (const row of client.workflow.list({ query: `ExecutionStatus = 'Running'` })) {
          if (row.type === 'backup_create' || row.type === 'backup_run') return row;
        }
        return null;
      });
      if (found === null) return { struck: false, what: 'no backup runs', lift: async () => {} };
      const handle = client.workflow.getHandle(found.workflowId, found.runId);
      const filler = 'x'.repeat(signalBytes);
      let sent = 0;
      try {
        for (; sent < signals; sent += 1) await handle.signal('filler', filler);
      } catch {
        // It has ended, by the limit or by itself.
      }
      return {
        struck: sent > 0,
        what: `${sent} signals of ${signalBytes} bytes to ${found.type} ${found.workflowId}`,
        lift: async () => {},
      };
    } finally {
      await connection.close();
    }
  },
};

export const temporalKinds: readonly FaultKind[] = [
  killed,
  silent('temporal-stop', 'the Temporal server stopped for up to nine seconds', [500, 9000], false),
  silent('temporal-away', 'the Temporal server does not answer for ten minutes', [600_000, 600_000], true),
  locked,
  historyFull,
];
