import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../../test/servers/process.ts';
import type { FaultKind } from '../kind.ts';
import type { Misbehaviour, Tool } from '../toolbox.ts';
import { signal, soon, victim } from '../victims.ts';

const worlds = ['directory', 'bucket', 'copied'] as const;

/** Tools by what of the product starts them. */
const struckTools = ['pg_dump', 'pg_dumpall', 'pg_restore', 'zstd', 'tee'] as const satisfies readonly Tool[];

/**
 * A database that could not be restored is said with the tool that failed; backups are tried again instead, and have to
 * succeed. A tool that always fails the same way may use up the attempts of one.
 */
const reasons = (tool: Tool): RegExp[] => [
  new RegExp(`^restore: .*\\b${tool} (ended with|wrote nothing|hung)`),
  /^restore: .*(ended with (signal|exit code)|no byte moved|is cut|incomplete|unexpected end|trailer|could not read|invalid|differ)/i,
];

/** The globals of a server come after its databases: milliseconds to wait for who dumps them. */
const patienceFor = (tool: Tool): number => (tool === 'pg_dumpall' ? 15_000 : 4_000);

function signalled(tool: Tool, name: 'SIGTERM' | 'SIGKILL'): FaultKind {
  return {
    name: `${tool}-${name === 'SIGTERM' ? 'term' : 'kill'}`,
    group: 'processes',
    does: `\`${tool}\` gets ${name}`,
    worlds,
    weight: 0.6,
    hold: [0, 100],
    reasons: reasons(tool),
    async inject(world) {
      const pid = await victim(world, tool, patienceFor(tool));
      const struck = pid !== null && signal(pid, name);
      return { struck, what: `${name} to ${tool} ${pid}`, lift: async () => {} };
    },
  };
}

/** Longer than the stall limit of the worlds: by then the attempt has failed, and its successor may have committed. */
const stopped = (tool: Tool): FaultKind => ({
  name: `${tool}-stop`,
  group: 'processes',
  does: `\`${tool}\` stopped for longer than the stall limit, and woken where it is still there`,
  worlds,
  weight: 0.4,
  hold: [7_000, 13_000],
  reasons: reasons(tool),
  async inject(world) {
    const pid = await victim(world, tool, patienceFor(tool));
    const struck = pid !== null && signal(pid, 'SIGSTOP');
    return {
      struck,
      what: `SIGSTOP to ${tool} ${pid}`,
      async lift() {
        if (pid !== null && isAlive(pid)) signal(pid, 'SIGCONT');
      },
    };
  },
});

const misbehaviours: Readonly<Record<Misbehaviour, string>> = {
  'exit-0-early': 'ends with 0 at once, having done nothing',
  'exit-0-cut': 'ends with 0 in the middle of its output',
  'exit-1-late': 'ends with 1 after its last byte',
  'stderr-flood': 'writes to standard error without end',
  hang: 'hangs without a byte',
};

function misbehaving(tool: Tool, how: Misbehaviour): FaultKind {
  return {
    name: `${tool}-${how}`,
    group: 'processes',
    does: `\`${tool}\` ${misbehaviours[how]}`,
    worlds,
    weight: how === 'hang' ? 0.3 : 0.4,
    hold: how === 'hang' ? [2_000, 8_000] : [500, 4_000],
    reasons: reasons(tool),
    async inject(world) {
      const order = world.toolbox.misbehave(tool, how);
      // It waits until somebody starts the tool.
      await soon(() => (order.count() > 0 ? true : null), patienceFor(tool));
      return {
        get struck() {
          return order.count() > 0;
        },
        what: `${tool} ${misbehaviours[how]}`,
        async lift() {
          order.remove();
          await sleep(0);
        },
      };
    },
  };
}

export const processKinds: readonly FaultKind[] = struckTools.flatMap((tool) => {
  const all = [
    signalled(tool, 'SIGTERM'),
    signalled(tool, 'SIGKILL'),
    stopped(tool),
    ...(Object.keys(misbehaviours) as Misbehaviour[]).map((how) => misbehaving(tool, how)),
  ];
  return tool === 'pg_dumpall' ? all.map((kind): FaultKind => ({ ...kind, meets: 'whole-server' })) : all;
});
