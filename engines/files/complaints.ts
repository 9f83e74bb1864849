import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { ChildFailedError } from '../process/child.ts';
import { matches } from './pattern.ts';

/** What tar may say of a file without the backup being a failure. */
export type ComplaintKind =
  | 'changed'
  | 'vanished'
  | 'shrank'
  | 'unreadable'
  | 'ignored'
  | 'attributes'
  | 'mounts';

/** Some files, by names as tar writes them; not all, where there are many. */
export interface Named {
  count: number;
  names: string[];
}

const mostNames = 200;
/** Of a kind, in warnings. */
const mostWarned = 20;

const forms: readonly [ComplaintKind, RegExp][] = [
  ['changed', /^(.*): file changed as we read it$/],
  ['vanished', /^(.*): File removed before we read it$/],
  ['shrank', /^(.*): File shrank by \d+ bytes?; padding with zeros$/],
  ['unreadable', /^(.*): (?:Warning: )?Read error at byte \d+, while reading \d+ bytes?: .*$/],
  ['unreadable', /^(.*): (?:Warning: )?Cannot (?:open|stat|read|readlink|savedir|close|seek to \d+): .*$/],
  ['ignored', /^(.*): (?:socket ignored|door ignored|Unknown file type; file ignored)$/],
  ['mounts', /^(.*?)\/?: file is on a different filesystem; not dumped$/],
  [
    'attributes',
    /^(.*): (?:Warning: )?Cannot (?:l?listxattr|l?getxattr|acl_get_file\w*|.*getfilecon.*)\b.*$/,
  ],
];

const words: Readonly<Record<ComplaintKind, string>> = {
  changed: 'changed while it was read: what is in the backup may be of no one instant',
  vanished: 'was removed before it could be read, and is not in the backup',
  shrank: 'became shorter while it was read: the backup has zeros at its end',
  unreadable: 'could not be read, which the URL allows: it is not (or not whole) in the backup',
  ignored: 'is a socket or of an unknown kind, and not in the backup',
  mounts: 'is another file system, and not in the backup (mounts=cross in the URL takes it)',
  attributes: 'has extended attributes or ACLs that could not be read',
};

/** What explains an exit code other than 0: some files differ (1), or tar could not do all (2). */
const explanations: Readonly<Record<number, readonly ComplaintKind[]>> = {
  1: ['changed', 'vanished', 'shrank', 'unreadable'],
  2: ['unreadable'],
};

/**
 * What GNU tar says on its standard error while it writes an archive, line by line. It goes on after most things, and its
 * exit code does not tell a changed file from one that could not be read, so the lines have to.
 */
export class Complaints {
  readonly #allowed: readonly string[];
  readonly #found = new Map<ComplaintKind, Named>();
  readonly #refused: string[] = [];
  readonly #unknown: string[] = [];
  #refusals = 0;

  /** @param allowed patterns of what may be unreadable */
  constructor(allowed: readonly string[]) {
    this.#allowed = allowed;
  }

  add(line: string): void {
    const said = /^(?:[^\s:]*\/)?g?tar: (.*)$/s.exec(line)?.[1];
    if (said === undefined) {
      if (line.trim() !== '') this.#keep(this.#unknown, line);
      return;
    }
    if (/^Exiting with failure status due to previous errors$/.test(said)) return;
    for (const [kind, form] of forms) {
      const name = form.exec(said)?.[1];
      if (name === undefined) continue;
      if (kind === 'unreadable' && !matches(this.#allowed, unescaped(name).replace(/^\.\//, ''))) {
        this.#refusals += 1;
        this.#keep(this.#refused, said.replace(/^\.\//, ''));
        return;
      }
      this.#count(kind, name.replace(/^\.\/(?=.)/, ''));
      return;
    }
    this.#keep(this.#unknown, said);
  }

  /**
   * Whether what tar ended with is a whole backup after all.
   * @param exitCode 1: some files differ; 2: something went wrong
   * @throws BackupctlError credentials, where files could not be read; failed for anything else
   */
  judge(exitCode: number, failure?: () => ChildFailedError): void {
    if (this.#refusals > 0) {
      const first = this.#refused.slice(0, 5).join('; ');
      const more = this.#refusals > 5 ? `; and ${this.#refusals - 5} more` : '';
      throw new BackupctlError('credentials', `not everything could be read: ${first}${more}`, {
        hint: 'run the worker as root, leave it out with exclude=PATTERN, or allow it by name with unreadable=PATTERN in the URL',
      });
    }
    if (exitCode === 0) return;
    const explained = explanations[exitCode]?.some((kind) => this.#found.has(kind)) === true;
    if (failure !== undefined && (this.#unknown.length > 0 || !explained)) throw failure();
  }

  /** For the manifest, by kind. */
  details(): Partial<Record<ComplaintKind, Named>> {
    return Object.fromEntries(this.#found);
  }

  warnings(): string[] {
    const lines: string[] = [];
    for (const [kind, { count, names }] of this.#found) {
      for (const name of names.slice(0, mostWarned)) lines.push(`${name} ${words[kind]}`);
      if (count > mostWarned) lines.push(`${count - mostWarned} more: each ${words[kind]}`);
    }
    return [...lines, ...this.#unknown.map((line) => `tar: ${line}`)];
  }

  #count(kind: ComplaintKind, name: string): void {
    const found = this.#found.get(kind) ?? { count: 0, names: [] };
    if (found.names.includes(name)) return;
    found.count += 1;
    this.#keep(found.names, name);
    this.#found.set(kind, found);
  }

  #keep(list: string[], line: string): void {
    if (list.length < mostNames) list.push(line.length > 5000 ? `${line.slice(0, 5000)}…` : line);
  }
}

/** A name as it is, of how tar writes it (`--quoting-style=escape`); what is no UTF-8 comes out as the replacement letter. */
function unescaped(name: string): string {
  const letters: Readonly<Record<string, string>> = {
    n: '\n',
    t: '\t',
    r: '\r',
    a: '\x07',
    b: '\b',
    f: '\f',
    v: '\v',
  };
  const bytes = Buffer.from(name).toString('latin1');
  const plain = bytes.replace(
    /\\(?:([0-7]{3})|(.))/gs,
    (_all, octal: string | undefined, letter: string | undefined) =>
      octal === undefined
        ? (letters[letter ?? ''] ?? letter ?? '')
        : String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(plain, 'latin1').toString('utf8');
}
