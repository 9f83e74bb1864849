import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadAllCommands } from '../../cli/catalog.ts';
import { flagsOf, kebabCase } from '../../cli/command.ts';
import { projectRoot } from '../servers/cache.ts';

/** Commands that documents and messages name, and that are to come. */
const planned = new Set(['recover']);

/** Flags of other programs that stand alone in a sentence. */
const foreign = new Set([
  ...[
    '--format',
    '--compress',
    '--file',
    '--jobs',
    '--globals-only',
    '--lock-wait-timeout',
    '--enable-row-security',
  ],
  ...['--runs', '--seed', '--fresh', '--list', '--minutes', '--only'], // npm run prove
  ...['--identity', '--into', '--restore', '--trust'], // docs/restore.py
]);

const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: projectRoot })
  .sort()
  .map((name) => ({ name, text: readFileSync(join(projectRoot, name), 'utf8') }));
const commands = await loadAllCommands();
const flags = new Map(
  commands.map((command) => [
    command.name,
    new Set(Object.keys(flagsOf(command)).map((name) => `--${kebabCase(name)}`)),
  ]),
);
const anyFlag = new Set([...flags.values()].flatMap((own) => [...own]));

/** Code of a document: what stands between backticks, and the lines of fenced blocks, each once. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/^ *```[a-z]*\n([\s\S]*?)^ *```$/gm)].flatMap(([, body = '']) =>
    body.split('\n'),
  );
  const prose = text.replace(/^ *```[a-z]*\n[\s\S]*?^ *```$/gm, '');
  const inline = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  return [...new Set([...blocks.map((line) => line.trim()), ...inline])];
}

/** What is wrong with the commands of a line of code; comments, and what a command printed, are left out. */
function wrongWith(code: string): string[] {
  if (/^(\||\+-|backupctl: )/.test(code)) return [];
  const wrong: string[] = [];
  for (const part of code.split(/ *(?:\||&&|;|\$\(|<\(|\)|`) */)) {
    const words = part.replace(/(^| )#.*$/, '').split(/\s+/);
    const at = words.findIndex((word) => /^(\.\/|….*\/)?(bin\/)?backupctl$/.test(word));
    const verb = words[at + 1] ?? '';
    const named = at >= 0 ? verb : (words[0] ?? '');
    const known = flags.get(named);
    if (known === undefined) {
      const isVerb = at >= 0 && /^[a-z][a-z-]*$/.test(verb) && code.includes(' ');
      if (isVerb && !planned.has(verb) && verb !== 'help') wrong.push(`there is no command ${verb}`);
      if (at < 0 && words.length === 1 && /^--[a-z-]+$/.test(named)) {
        if (!anyFlag.has(named) && !foreign.has(named)) wrong.push(`no command has ${named}`);
      }
      continue;
    }
    for (const word of words.slice(at + 1)) {
      const flag = /^\[?(--[a-z][a-z-]*)/.exec(word)?.[1];
      if (flag !== undefined && !known.has(flag)) wrong.push(`${named} has no ${flag}`);
    }
  }
  return wrong;
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(documents)('$name', ({ name, text }) => {
  test('names commands and flags that exist', () => {
    expect(codeOf(text).flatMap((code) => wrongWith(code).map((what) => `${what}: ${code}`))).toEqual([]);
  });

  test('has links that lead somewhere', () => {
    const broken: string[] = [];
    const prose = text.replace(/^ *```[a-z]*\n[\s\S]*?^ *```$/gm, '');
    for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const path = file === '' ? join(projectRoot, name) : join(projectRoot, dirname(name), file);
      if (!existsSync(path)) broken.push(target);
      else if (anchor !== undefined && !anchorsOf(readFileSync(path, 'utf8')).includes(anchor))
        broken.push(target);
    }
    expect(broken).toEqual([]);
  });
});

test('every document is in the index', () => {
  const index = readFileSync(join(projectRoot, 'docs', 'README.md'), 'utf8');
  const missing = documents.filter(
    ({ name }) =>
      name !== 'docs/README.md' && !index.includes(`(${relative('docs', name).replaceAll('\\', '/')})`),
  );
  expect(missing.map(({ name }) => name)).toEqual([]);
});

test('a command or a flag that does not exist is found out', () => {
  expect(wrongWith('backupctl backup-make orders')).toEqual(['there is no command backup-make']);
  expect(wrongWith('$ ./bin/backupctl backup-create orders x --wiat | cat')).toEqual([
    'backup-create has no --wiat',
  ]);
  expect(wrongWith('schedule-trigger NAME --when now')).toEqual(['schedule-trigger has no --when']);
  expect(wrongWith('--no-such-flag')).toEqual(['no command has --no-such-flag']);
});
