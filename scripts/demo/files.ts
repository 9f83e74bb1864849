import { createHash } from 'node:crypto';
import {
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { DemoSubject } from './subject.ts';

export const files: DemoSubject = {
  title: 'A directory with files in it',
  next: { instance: '--url file:///PATH', restore: '--to-directory ~/copy' },
  start: async (work) => {
    const names = { source: 'shop', restored: 'shop_restored', 'by hand': 'shop_by_hand' };
    await fill(work.path(names.source));
    return {
      intro: `${work.path(names.source)} holds papers, pictures and a few things that simple copies lose.`,
      instance: ['--url', `file://${work.path(names.source)}?exclude=*.tmp`],
      restore: {
        title: 'A restore into a new directory',
        words: ['--to-directory', work.path(names.restored)],
      },
      byHand: {
        title: 'The same backup opened by age, zstd and tar',
        prepare: async () => {
          await mkdir(work.path(names['by hand']));
        },
        command: (object) =>
          `age -d -i "$BACKUPCTL_DATA_DIR/identity.txt" ${object} | zstd -d | tar -xpf - -C ${work.path(names['by hand'])}`,
        env: {},
      },
      names,
      thing: 'Directory',
      rowsOf: async (place) => {
        const root = work.path(names[place]);
        const directories = (await readdir(root)).sort();
        return Promise.all(directories.map((name) => lineOf(join(root, name), name)));
      },
      stop: async () => {},
    };
  },
};

async function fill(root: string): Promise<void> {
  for (const folder of ['papers', 'pictures', 'odd ones'])
    await mkdir(join(root, folder), { recursive: true });
  for (let n = 1; n <= 600; n += 1) {
    const picture = createHash('sha512').update(`picture ${n}`).digest();
    await writeFile(join(root, 'papers', `order ${n}.txt`), `order ${n}\n`.repeat(n % 50));
    await writeFile(join(root, 'pictures', `${n}.raw`), Buffer.concat(Array(64).fill(picture)));
  }
  const odd = (name: string) => join(root, 'odd ones', name);
  await writeFile(odd('two\nlines'), 'a name of two lines\n');
  await writeFile(odd('--help'), 'a name that looks like an option\n');
  await writeFile(odd('old'), 'from before 1970\n');
  await utimes(odd('old'), -86_400, -86_400);
  await symlink('/nowhere', odd('a link to nowhere'));
  await link(odd('old'), odd('the same file'));
  await writeFile(odd('mostly holes'), '');
  await truncate(odd('mostly holes'), 2 ** 26);
}

/** How many files are in a directory, and a hash over names, modes, times, links and contents. */
async function lineOf(directory: string, name: string): Promise<[string, string, string]> {
  const hash = createHash('sha256');
  const entries = (await readdir(directory)).sort();
  for (const entry of entries) {
    const path = join(directory, entry);
    const { mode, mtimeMs, size, nlink } = await lstat(path);
    hash.update(JSON.stringify([entry, mode, mtimeMs, size, nlink]));
    if (size > 2 ** 20) continue; // holes
    hash.update((mode & 0o170000) === 0o120000 ? await readlink(path) : await readFile(path));
  }
  return [name, String(entries.length), hash.digest('hex')];
}
