import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Runs a command line through bash with pipefail, and tells how long it took, in seconds. @throws what it says when it fails */
export async function timeShell(script: string, env: Record<string, string> = {}): Promise<number> {
  const begun = performance.now();
  const child = spawn('bash', ['-o', 'pipefail', '-ec', script], {
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', LC_ALL: 'C.UTF-8', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.on('data', (piece: Buffer) => {
    words = (words + piece.toString()).slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`${script}\nended with ${code}: ${words}`);
  return (performance.now() - begun) / 1000;
}

export async function time(body: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await body();
  return (performance.now() - begun) / 1000;
}

/** Resident memory of one process now, in MiB. */
export function residentMiB(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

/** The highest resident memory of a process while something runs, looked at ten times a second. */
export async function peakMiB(pid: number, body: () => Promise<unknown>): Promise<number> {
  let peak = residentMiB(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, residentMiB(pid));
  }, 100);
  try {
    await body();
  } finally {
    clearInterval(timer);
  }
  return peak;
}
