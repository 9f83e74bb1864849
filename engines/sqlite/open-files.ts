import { readdirSync, readFileSync, statSync } from 'node:fs';

/**
 * Programs that have a file open, a line each: `process 4711 (python3)`. An idle connection of SQLite holds no lock that could be
 * asked for. Seen are those of this machine (on Linux) that our user may look into: all of them, for root.
 */
export function whoHasOpen(path: string): string[] {
  const wanted = identityOf(path);
  if (wanted === null) return [];
  const found: string[] = [];
  for (const pid of entriesOf('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const open = entriesOf(`/proc/${pid}/fd`).some((fd) => identityOf(`/proc/${pid}/fd/${fd}`) === wanted);
    if (open) found.push(`process ${pid} (${nameOf(pid)})`);
  }
  return found;
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // it has ended, is another user's, or there is no /proc
  }
}

function identityOf(path: string): string | null {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return 'gone';
  }
}
