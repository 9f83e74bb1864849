import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchSubject, Source } from './subject.ts';

const words = '--create --file=- --format=posix --numeric-owner --acls --xattrs --sparse';

/** Files of 8 MB, one of text and one of random bytes after the other. */
export const files: BenchSubject = {
  reader: 'tar',
  contents: 'files of 8 MB, half of it random bytes',
  share: 1,
  resticReads: true,
  start: async (directory) => ({
    make: async (name, megabytes) => {
      const root = join(directory, 'trees', name);
      mkdirSync(root, { recursive: true });
      const text = Buffer.from(
        'a line of a file that compresses well, and then another\n'.repeat(150_000),
      ).subarray(0, 2 ** 23);
      for (let n = 0; n < megabytes / 8; n += 1) {
        writeFileSync(join(root, `file ${n}`), n % 2 === 0 ? numbered(text, n) : randomBytes(2 ** 23));
      }
      return sourceAt(root);
    },
    stop: async () => {},
  }),
};

/** 100,000 files of about a kilobyte (of the size that is asked for only what a megabyte a thousand comes to). */
export const smallFiles: BenchSubject = {
  reader: 'tar',
  contents: 'files of a kilobyte, a hundred in each directory',
  share: 1,
  resticReads: true,
  start: async (directory) => ({
    make: async (name, megabytes) => {
      const root = join(directory, 'trees', `small-${name}`);
      for (let folder = 0; folder < megabytes * 10; folder += 1) {
        const path = join(root, `${folder}`);
        mkdirSync(path, { recursive: true });
        const bytes = randomBytes(512 * 100);
        for (let n = 0; n < 100; n += 1) {
          writeFileSync(
            join(path, `file ${n}`),
            Buffer.concat([bytes.subarray(n * 512, (n + 1) * 512), Buffer.alloc(512, n)]),
          );
        }
      }
      return sourceAt(root);
    },
    stop: async () => {},
  }),
};

/** No two are alike, which restic would find. */
function numbered(text: Buffer, n: number): Buffer {
  const copy = Buffer.from(text);
  for (let at = 0; at < copy.length; at += 4096) copy.writeUInt32LE((n * 7919 + at) >>> 0, at);
  return copy;
}

function sourceAt(root: string): Source {
  return {
    instance: ['--url', `file://${root}`],
    read: `tar ${words} -C ${root} .`,
    directory: root,
    env: {},
  };
}
