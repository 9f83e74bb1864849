import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whyNoMount } from './may-mount.ts';

/**
 * What a program that is started behind them can resolve: the name `localhost`, or, after `forget`, no name at all. It is
 * the system's own resolver that answers, by files that only the program sees.
 */
export interface HostNames {
  /** The words that start a program behind these names; it keeps its pid. */
  around(command: string, args: readonly string[]): [string, string[]];
  forget(): void;
  remember(): void;
  remove(): Promise<void>;
}

/** Null where no mount can be made for one program alone: that takes Linux and root. */
export function makeHostNames(): HostNames | null {
  if (whyNoMount() !== null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'backupctl-test-names-'));
  const hosts = join(folder, 'hosts');
  const order = join(folder, 'nsswitch.conf');
  writeFileSync(order, 'passwd: files\ngroup: files\nhosts: files\n');
  // The same file is written again, never replaced: it is mounted over the system's.
  const remember = () => writeFileSync(hosts, '127.0.0.1 localhost\n');
  remember();
  const script = 'mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/nsswitch.conf && shift && exec "$@"';
  return {
    around: (command, args) => [
      'unshare',
      ['--mount', '--', 'sh', '-c', script, hosts, order, command, ...args],
    ],
    forget: () => writeFileSync(hosts, '# nobody\n'),
    remember,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
