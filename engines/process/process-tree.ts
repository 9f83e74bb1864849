import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between TERM and KILL. */
const patience = 5_000;
const lookEvery = 50;

/** A process; its id may be another's after its end, its start tells. */
interface Process {
  pid: number;
  parent: number;
  session: number;
  start: string;
}

/**
 * Ends a program that leads a session of its own, and all that it has started, also what has left the session: TERM, and KILL five
 * seconds later. Resolves when none of them is there. Where the kernel shows no processes (`/proc`), its process group.
 * @param leader its process id; it may be gone, while its children are not
 */
export async function endTree(leader: number): Promise<void> {
  const known = new Map<number, Process>();
  const begun = performance.now();
  const told = new Set<string>();
  for (;;) {
    const all = await processes();
    if (all === null) return endGroup(leader);
    const there = belonging(all, leader, known);
    if (there.length === 0) return;
    const late = performance.now() - begun > patience;
    for (const each of there) {
      known.set(each.pid, each);
      const mark = `${each.pid} ${each.start} ${late}`;
      if (told.has(mark)) continue;
      told.add(mark);
      signal(each.pid, late ? 'SIGKILL' : 'SIGTERM');
    }
    await sleep(lookEvery);
  }
}

/** Those that are the leader, of its session, or descend from one that was. */
function belonging(all: ReadonlyMap<number, Process>, leader: number, known: ReadonlyMap<number, Process>) {
  const isKnown = ({ pid, start }: Process) => known.get(pid)?.start === start;
  const descends = (process: Process): boolean => {
    for (let at: Process | undefined = process, depth = 0; at !== undefined && depth < 1000; depth += 1) {
      if (at.pid === leader || at.session === leader || isKnown(at)) return true;
      at = all.get(at.parent);
    }
    return false;
  };
  return [...all.values()].filter(descends);
}

/** Every process that is not a zombie; null where there is no `/proc`. */
async function processes(): Promise<Map<number, Process> | null> {
  const names = await readdir('/proc').catch(() => null);
  if (names === null || !names.includes('self')) return null;
  const found = new Map<number, Process>();
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    // The name in brackets may hold anything: what follows its last one is fields, from the third on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, parent, , session] = fields;
    if (stat === '' || state === 'Z' || state === 'X') continue;
    const pid = Number(name);
    found.set(pid, { pid, parent: Number(parent), session: Number(session), start: fields[19] ?? '' });
  }
  return found;
}

async function endGroup(leader: number): Promise<void> {
  const begun = performance.now();
  signal(-leader, 'SIGTERM');
  while (signal(-leader, 0)) {
    await sleep(lookEvery);
    if (performance.now() - begun > patience) signal(-leader, 'SIGKILL');
  }
}

/** @returns whether there was somebody to tell */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
