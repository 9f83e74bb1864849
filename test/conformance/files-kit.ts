import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type {
  DumpOutcome,
  RestoredDatabase,
  RestorePlan,
  RestoreRequest,
  RestoreSource,
  Selection,
  Target,
} from '../../engines/engine.ts';
import { engine } from '../../engines/files/engine.ts';
import type { IndexedFile } from '../../engines/files/index-line.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { TestRun } from './directory-sink.ts';
import { requestFor } from './restore-kit.ts';

/** A folder for trees and restores, which is gone afterwards whatever was made in it. */
export class Ground implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Ground> {
    return new Ground(await mkdtemp(join(tmpdir(), 'backupctl-test-files-')));
  }

  at(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Runs lines of Python in it: names of any bytes, attributes, times before 1970. */
  python(lines: string): string {
    return execFileSync('python3', ['-c', `import os, struct, socket\n${lines}`], {
      cwd: this.path,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    execFileSync('rm', ['-rf', '--', this.path]);
  }
}

export function filesTarget(path: string, query = ''): Target {
  return {
    instanceId: '00000000-0000-4000-8000-000000000000',
    instanceName: 'test',
    url: `file://${encodeURI(path)}${query}`,
    password: null,
  };
}

/** A backup by the real engine, in a folder of its own, as a restore reads it. */
export class FilesBackup implements AsyncDisposable {
  readonly run: TestRun;
  readonly outcome: DumpOutcome;
  readonly source: RestoreSource;
  /** Wraps each stream that is opened, to break it. */
  through: (stream: Readable, name: string) => Readable = (stream) => stream;

  private constructor(run: TestRun, outcome: DumpOutcome) {
    this.run = run;
    this.outcome = outcome;
    this.source = {
      manifest: {
        ...({} as Manifest),
        id: crypto.randomUUID(),
        engine: 'files',
        engine_version: outcome.engineVersion,
        method: outcome.method,
        contents: outcome.contents,
        objects: outcome.objects,
        tools: outcome.tools,
        details: outcome.details,
      },
      open: async (name) => this.through(createReadStream(run.sink.path(name)), name),
      index: async () => structuredClone(run.sink.index),
    };
  }

  static async take(path: string, query = '', selection: Selection = {}): Promise<FilesBackup> {
    const run = await TestRun.start();
    try {
      const request = { backupId: 'b', selection, yieldToDdlSeconds: null, lockWaitSeconds: 30 };
      return new FilesBackup(
        run,
        await engine.dump(filesTarget(path, query), request, run.sink, run.context),
      );
    } catch (error) {
      await run[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The lines of its index, without the last. */
  lines(): IndexedFile[] {
    const text = execFileSync('zstd', ['-dcq', this.run.sink.path('files.jsonl.zst')], {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    });
    return text
      .trimEnd()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as IndexedFile);
  }

  paths(): string[] {
    return this.lines().map(({ path, path_base64 }) => path ?? `base64:${path_base64}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.run[Symbol.asyncDispose]();
  }
}

/** One restore with surroundings of its own, to its very end. */
export async function restoreFiles(
  path: string,
  backup: { source: RestoreSource },
  options: Partial<RestoreRequest> = {},
  onPhase: (phase: string, run: TestRun) => void = () => {},
): Promise<RestoredDatabase> {
  await using run = await TestRun.start();
  const request = requestFor(options);
  const [restored] = await engine.restore(filesTarget(path), request, backup.source, {
    ...run.context,
    progress: ({ phase }) => onPhase(phase, run),
  });
  await engine.forgetRestore(filesTarget(path), request.restoreId, run.context, request);
  if (restored === undefined) throw new Error('a restore has a line');
  return restored;
}

export async function planFiles(
  path: string,
  backup: { source: RestoreSource },
  options: Partial<RestoreRequest> = {},
): Promise<RestorePlan> {
  await using run = await TestRun.start();
  return await engine.planRestore(filesTarget(path), requestFor(options), backup.source, run.context);
}

/**
 * Everything about a tree that a restore has to bring back, by Python's eyes and not by ours: a line for each file, with
 * its name as hexadecimal bytes.
 */
export function walkTree(path: string): string[] {
  const program = `
import os, sys, hashlib, stat
root = os.fsencode(sys.argv[1])
inodes = {}
def seen(path, name):
    s = os.lstat(path)
    kind = stat.S_IFMT(s.st_mode)
    words = [name.hex(), oct(s.st_mode), s.st_uid, s.st_gid, s.st_mtime_ns]
    if not stat.S_ISDIR(s.st_mode) and s.st_nlink > 1:
        words.append('same as ' + inodes.setdefault(s.st_ino, name).hex())
    if stat.S_ISREG(s.st_mode):
        digest = hashlib.sha256()
        if s.st_size < 200000000:
            with open(path, 'rb') as file: digest.update(file.read())
        words += [s.st_size, digest.hexdigest()]
    if stat.S_ISLNK(s.st_mode): words.append(os.readlink(path).hex())
    if stat.S_ISCHR(s.st_mode) or stat.S_ISBLK(s.st_mode): words.append(s.st_rdev)
    for key in sorted(os.listxattr(path, follow_symlinks=False)):
        words.append(key + '=' + os.getxattr(path, key, follow_symlinks=False).hex())
    print(*words)
    if stat.S_ISDIR(s.st_mode):
        for each in sorted(os.listdir(path)): seen(path + b'/' + each, name + b'/' + each)
os.chdir(root)
seen(b'.', b'.')
`;
  const text = execFileSync('python3', ['-c', program, path], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  return text.trimEnd().split('\n');
}

/** What restores have left in a folder, half-filled or kept. */
export async function leftIn(folder: string): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  return (await readdir(folder)).filter(
    (name) => name.startsWith('.backupctl-') || name.includes('.before-'),
  );
}

export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
