import { execFileSync } from 'node:child_process';

let why: string | null | undefined;

/** Why this process may not mount anything (containers often may not, even as root), or null. */
export function whyNoMount(): string | null {
  why ??= look() ?? '';
  return why === '' ? null : why;
}

function look(): string | null {
  if (process.platform !== 'linux') return 'file systems of tests are mounted on Linux only';
  if (process.getuid?.() !== 0) return 'only root may mount';
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'this root may not mount';
  }
}
