import { BackupctlError } from '../../errors/backupctl-error.ts';
import { runToEnd } from '../process/child.ts';
import { findProgram } from '../process/find.ts';

export interface GnuTar {
  path: string;
  /** `1.34` */
  version: string;
}

/** The first with sparse files by `SEEK_HOLE` and options that are told from names by their place. */
const oldest = 1.29;

/** GNU tar, as `tar` or `gtar`. @throws BackupctlError missing-tool for any other, with what to install */
export async function findGnuTar(): Promise<GnuTar> {
  let found = 'no tar is on PATH';
  for (const name of ['tar', 'gtar']) {
    const path = await findProgram(name).catch(() => null);
    if (path === null) continue;
    const text = await runToEnd({ name, command: path, args: ['--version'] }).catch(() => '');
    const version = /^tar \(GNU tar\) (\d+\.\d+)/.exec(text)?.[1];
    if (version !== undefined && atLeast(version)) return { path, version };
    const kind = version === undefined ? 'not GNU tar' : `GNU tar ${version}`;
    found = `${path} is ${kind}`;
  }
  throw new BackupctlError('missing-tool', `backups of files need GNU tar ${oldest} or newer: ${found}`, {
    hint: 'install it: apt-get install tar, dnf install tar, apk add tar, or brew install gnu-tar',
  });
}

function atLeast(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 1 || (major === 1 && minor >= 29);
}

/** What makes tar's words plain: names with everything escaped that is no letter of UTF-8, a name a line. */
export const plainWords = ['--quoting-style=escape'];

/** Extended attributes of every kind; ACLs go their own way, and stand only once in an archive. */
export const attributeArguments = [
  '--xattrs',
  '--xattrs-include=*',
  '--xattrs-exclude=system.posix_acl_*',
  '--acls',
  '--numeric-owner',
];
