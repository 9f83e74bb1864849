import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { oddTree } from '../../fixtures/odd-tree.ts';
import { filesTarget, walkTree } from '../files-kit.ts';
import type { Contents, EngineSubject, Place, RunningSubject, Walk } from './subject.ts';

const lines: Readonly<Record<Exclude<Contents, 'odd'>, string>> = {
  empty: '',
  many: `
for i in range(100):
    os.mkdir('d%d' % i)
    for j in range(100):
        with open('d%d/f%d' % (i, j), 'w') as file: file.write('%d' % (i * j))`,
  huge: `
with open('huge', 'wb') as file:
    for i in range(200): file.write(os.urandom(1 << 20))`,
  bulk: `
for i in range(6):
    with open('bulk%d' % i, 'wb') as file: file.write(os.urandom(2 << 20))`,
  parts: `
for name in ('a', 'b', 'c'):
    os.mkdir(name)
    for each in ('x', 'y'):
        with open(name + '/' + each, 'w') as file: file.write(name + each)`,
};

/** Directories, by the GNU tar of this machine. */
export const files: EngineSubject = {
  engine: 'files',
  notShown: [
    'file systems other than those of this machine (NFS, XFS with its own attributes, macOS)',
    'SELinux labels: nothing here has them',
  ],
  without: {
    wrongPassword: 'files have no password',
    noRights: 'files are read by the worker itself: shown by files-rights.test.ts, as another user',
  },
  start: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'test-trees-'));
    return new RunningFiles(folder, execFileSync('tar', ['--version'], { encoding: 'utf8' }));
  },
};

class RunningFiles implements RunningSubject {
  readonly ranAgainst: string;
  readonly prevented = {};
  readonly secrets: readonly string[] = [];
  readonly diskBytes = 48 * 1024 * 1024;
  readonly part: RunningSubject['part'] = {
    backup: { selection: { include: ['a', 'c/x'], exclude: ['y'] }, holds: ofParts(/^\.\/(a\/x|c\/x)$/) },
    restore: { include: ['a/x', '/c'], holds: ofParts(/^\.\/(a\/x|c\/.)$/) },
  };
  readonly #folder: string;
  #counter = 0;

  constructor(folder: string, version: string) {
    this.#folder = folder;
    const user = process.getuid?.() === 0 ? 'as root' : 'not as root';
    this.ranAgainst = `GNU tar ${/ (\d[\d.]+)/.exec(version)?.[1]}, ${user}`;
  }

  async make(kind: Contents): Promise<Place> {
    const path = this.#path(kind);
    const program = kind === 'odd' ? oddTree : `os.mkdir('src')\nos.chdir('src')\n${lines[kind]}`;
    const named = program.replaceAll(`'src'`, JSON.stringify(basename(path)));
    execFileSync('python3', ['-c', `import os, struct, socket\n${named}`], { cwd: dirname(path) });
    return placeAt(path);
  }

  async destination() {
    const place = placeAt(this.#path('restored'));
    return { target: place.target, request: {}, place };
  }

  async drop({ name }: Place): Promise<void> {
    execFileSync('rm', ['-rf', '--', name]);
  }

  async exists({ name }: Place): Promise<boolean> {
    return existsSync(name);
  }

  async walk({ name }: Place): Promise<Walk> {
    return walkOf(name);
  }

  async change({ name }: Place): Promise<void> {
    this.#counter += 1;
    await appendFile(join(name, `changed${this.#counter}`), 'since the backup');
  }

  wrongPassword() {
    return null;
  }

  async noRights() {
    return null;
  }

  async absent() {
    return filesTarget(join(this.#folder, 'nowhere'));
  }

  async leftovers(): Promise<string[]> {
    return leftIn(this.#folder);
  }

  async onDisk(directory: string) {
    const place = placeAt(join(directory, 'restored'));
    return {
      destination: { target: place.target, request: {}, place },
      room: 6 * 1024 * 1024,
      walk: async () => walkOf(place.name),
      leftovers: () => leftIn(directory),
      stop: () => this.drop(place),
    };
  }

  async stock(original: Place) {
    await this.drop(original);
    const fills = placeAt(this.#path('stock'));
    return { env: { TARGET: fills.name }, fills };
  }

  async stop(): Promise<void> {
    execFileSync('rm', ['-rf', '--', this.#folder]);
  }

  #path(kind: string): string {
    this.#counter += 1;
    return join(this.#folder, `${kind} ${this.#counter}`);
  }
}

function placeAt(path: string): Place {
  return { name: path, target: filesTarget(path) };
}

/** A line for each file, under its path; sockets are in no backup. */
function walkOf(path: string): Walk {
  const walk = new Map<string, string>();
  for (const line of walkTree(path)) {
    const [name = '', mode = '', ...rest] = line.split(' ');
    if (mode.startsWith('0o14')) continue;
    walk.set(Buffer.from(name, 'hex').toString('latin1'), `${mode} ${rest.join(' ')}`);
  }
  return walk;
}

/** The directories on the way come with what lies in them. */
function ofParts(wanted: RegExp): (name: string) => boolean | null {
  return (name) => (/^\.(\/.)?$/.test(name) ? null : wanted.test(name));
}

async function leftIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter(
    (name) => name.startsWith('.backupctl-') || name.includes('.before-'),
  );
}
