import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process, told from a later one that was given the same number. */
export interface ProcessIdentity {
  pid: number;
  /** Opaque; equal for the same process only, also across restarts of the machine. */
  started: string;
}

/** Who has that pid now, or null where nobody has (a zombie is nobody). */
export function identityOf(pid: number): ProcessIdentity | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      // The second field is the program's name in brackets, which may itself hold spaces and brackets.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z' || fields[0] === 'X') return null;
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
      return { pid, started: `${boot}/${fields[19]}` };
    }
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return text === '' || text.startsWith('Z') ? null : { pid, started: text.replace(/^\S+\s+/, '') };
  } catch {
    return null;
  }
}

export function isAlive(process: ProcessIdentity): boolean {
  return identityOf(process.pid)?.started === process.started;
}

/** Processes (on Linux) that have exactly all of these words in their argument lists. */
export function processesWithArguments(...words: string[]): ProcessIdentity[] {
  if (process.platform !== 'linux') return [];
  const found: ProcessIdentity[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const given = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (!words.every((word) => given.includes(word))) continue;
    } catch {
      continue;
    }
    const identity = identityOf(Number(name));
    if (identity !== null) found.push(identity);
  }
  return found;
}

/**
 * Ends a process that is not our child: TERM, then KILL after the grace, then waits until it is gone.
 * @param graceSeconds 0 for KILL at once
 * @returns false where it would not die (another user's, or stuck in the kernel)
 */
export async function endProcess(target: ProcessIdentity, graceSeconds: number): Promise<boolean> {
  const killAt = performance.now() + graceSeconds * 1000;
  const giveUpAt = killAt + 5_000;
  let sent: NodeJS.Signals | undefined;
  while (isAlive(target)) {
    const now = performance.now();
    if (now > giveUpAt) return false;
    const wanted = now >= killAt ? 'SIGKILL' : 'SIGTERM';
    if (wanted !== sent) {
      sent = wanted;
      try {
        process.kill(target.pid, wanted);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EPERM') return false;
      }
    }
    await sleep(20);
  }
  return true;
}
