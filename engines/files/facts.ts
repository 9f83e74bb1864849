import type { Selection } from '../engine.ts';
import type { ContentLine, Coverage, EngineFacts, IndexSource } from '../facts.ts';
import { pathOf, shownPath } from './index-line.ts';
import { readIndex } from './index-stream.ts';
import { stockRestore } from './stock-restore.ts';
import { indexStream } from './stream-names.ts';
import { checkUrl, parseFilesUrl } from './url.ts';

export const facts: EngineFacts = {
  name: 'files',
  title: 'files',
  urlForms: [
    'file:///PATH of a directory of the worker; ?exclude=PATTERN, ?unreadable=PATTERN, ?mounts=cross',
  ],
  capabilities: {
    methods: ['logical'],
    increments: false,
    selection: {
      include: 'a path from the root of the tree',
      exclude: 'a pattern of names, or from the root of the tree one that begins with a slash',
      schemaOnly: false,
      dataOnly: false,
    },
    restore: {
      rename: false,
      overwrite: true,
      directory: true,
      include: 'a path from the root of the tree',
      flags: [],
    },
    statements: false,
    drill: true,
  },
  checkUrl,
  filesIn: () => [],
  directoriesIn: (url) => [parseFilesUrl(url).path],
  coverage,
  contents,
  stockRestore,
};

function coverage(url: string, selection: Selection): Coverage {
  const { path, exclude, unreadable, crossMounts } = parseFilesUrl(url);
  const { include = [], exclude: left = [] } = selection;
  const patterns = [...exclude, ...left];
  return {
    contains: [
      `the directory ${path} with everything below it, read file after file, so not as of one instant`,
      ...(include.length > 0
        ? [`of it only ${include.join(', ')}, and the directories that this lies in`]
        : []),
      'contents with holes, names of any bytes, hard and symbolic links, fifos and devices, modes, owners by number, times of the last writing to the nanosecond, extended attributes and ACLs',
      ...(crossMounts ? ['file systems that are mounted below it'] : []),
    ],
    lacks: [
      ...patterns.map((pattern) => `${pattern}, which is left out`),
      ...unreadable.map((pattern) => `${pattern}, where it cannot be read`),
      ...(crossMounts ? [] : ['file systems that are mounted below it']),
      'what symbolic links lead to, sockets, times of the last reading, file flags such as immutable, names of users and groups',
      'what stands only in the memory of programs that write the files: a database in them has an engine of its own here',
    ],
  };
}

async function* contents(source: IndexSource): AsyncGenerator<ContentLine, void, void> {
  const database = source.manifest.contents[0]?.name ?? '';
  for await (const file of readIndex(await source.open(indexStream))) {
    const { type, size, path: _, path_base64, ...more } = file;
    yield {
      database,
      kind: type,
      name: shownPath(pathOf(file)),
      size: type === 'file' ? size : null,
      rows: null,
      exact: null,
      more: { ...more, ...(path_base64 === undefined ? {} : { path_base64 }) },
    };
  }
}
