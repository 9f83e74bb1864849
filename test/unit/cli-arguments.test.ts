import { describe, expect, test } from 'vitest';
import { parseArguments } from '../../cli/arguments.ts';
import { loadAllCommands } from '../../cli/catalog.ts';
import { type AnyCommand, defineCommand, flagsOf, groups } from '../../cli/command.ts';
import { splitCommandLine } from '../../cli/command-line.ts';
import { exitCodes } from '../../cli/exit-codes.ts';
import { nearest } from '../../cli/suggest.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';

const command: AnyCommand = defineCommand({
  name: 'sample',
  group: 'Platform',
  summary: 'A sample',
  positionals: { first: { describe: 'x' }, second: { describe: 'y', optional: true } },
  flags: {
    text: { type: 'text', value: 'T', describe: 'a text' },
    note: { type: 'text', value: 'T', describe: 'a text that may be empty', allowEmpty: true },
    kind: { type: 'choice', choices: ['a', 'b'], describe: 'a choice' },
    include: { type: 'texts', value: 'P', describe: 'several' },
    limit: { type: 'integer', value: 'N', min: 1, max: 10, describe: 'a number' },
    catchupWindow: { type: 'duration', value: 'T', min: 60, describe: 'a time' },
    noCheck: { type: 'switch', describe: 'a switch' },
    yieldTo: { type: 'duration', value: 'T', min: 1, alone: '60s', describe: 'a time that may be left out' },
  },
  prints: 'list',
  examples: [],
  async run() {},
});

const parse = (...words: string[]) => parseArguments(command, words);
const problem = (...words: string[]) => {
  try {
    parse(...words);
  } catch (error) {
    if (error instanceof BackupctlError) return `${error.code}: ${error.message}: ${error.hint}`;
    throw error;
  }
  return 'none';
};

describe('arguments', () => {
  test('values come typed, by camel-case names, with what was left out', () => {
    expect(
      parse('one', '--limit', '3', '--catchup-window', '1h30m', '--include=x', '--include', 'y'),
    ).toMatchObject({
      first: 'one',
      second: undefined,
      limit: 3,
      catchupWindow: 5400,
      include: ['x', 'y'],
      noCheck: false,
      json: false,
    });
    expect(parse('one', 'two', '--no-check', '--json', '--kind', 'b')).toMatchObject({
      second: 'two',
      noCheck: true,
      json: true,
      kind: 'b',
      include: [],
    });
  });

  test('a flag that may stand alone does so before a word, before a flag and at the end', () => {
    expect(parse('one').yieldTo).toBeUndefined();
    expect(parse('--yield-to', 'one', 'two')).toMatchObject({ yieldTo: 60, first: 'one', second: 'two' });
    expect(parse('one', '--yield-to', '--no-check')).toMatchObject({ yieldTo: 60, noCheck: true });
    expect(parse('one', '--yield-to')).toMatchObject({ yieldTo: 60 });
    expect(parse('one', '--yield-to', '2m', 'two')).toMatchObject({ yieldTo: 120, second: 'two' });
    expect(parse('one', '--yield-to=5')).toMatchObject({ yieldTo: 5 });
    expect(problem('one', '--yield-to=soon')).toMatch(/^usage: --yield-to is "soon"/);
  });

  test('words stay texts: nothing is taken for a number, a list or an object', () => {
    expect(parse('007', '1e3', '--text', '0x10')).toMatchObject({
      first: '007',
      second: '1e3',
      text: '0x10',
    });
    expect(parse('*/2 * * * *', '--text', 'a.b=c').text).toBe('a.b=c');
    expect(parse('--', '--first')).toMatchObject({ first: '--first' });
    expect(parse('x', '--note', '')).toMatchObject({ note: '' });
    expect(parse('x', '--note=')).toMatchObject({ note: '' });
  });

  test.each([
    [['x', '--limt', '3'], 'unknown flag --limt (sample): did you mean --limit?'],
    [['x', '--zzzzzzz'], 'unknown flag --zzzzzzz (sample): see `backupctl sample --help`'],
    [['x', '-l', '3'], 'unknown flag -l (sample)'],
    [['x', '--text.a', '3'], 'unknown flag --text.a (sample)'],
    [['x', '--check'], 'unknown flag --check (sample): did you mean --no-check?'],
    [['x', '--limit'], '--limit wants a value (sample)'],
    [['x', '--limit', '--json'], '--limit wants a value (sample)'],
    [['x', '--text='], '--text wants a value (sample)'],
    [['x', '--limit', '0'], '--limit is "0" (sample): write a whole number, 1 to 10'],
    [['x', '--limit', '-1'], '--limit is "-1" (sample): write a whole number, 1 to 10'],
    [['x', '--limit', '11'], '--limit is "11" (sample)'],
    [['x', '--limit', '1.5'], '--limit is "1.5" (sample)'],
    [['x', '--limit', '1', '--limit', '2'], '--limit is given 2 times (sample): give it once'],
    [['x', '--kind', 'c'], '--kind is "c" (sample): write one of a, b'],
    [['x', '--catchup-window', '59s'], '--catchup-window is "59s" (sample): write a time such as'],
    [['x', '--catchup-window', 'soon'], '--catchup-window is "soon" (sample)'],
    [['x', '--json=maybe'], '--json takes no value (sample)'],
    [['x', '--include', ''], '--include is empty (sample)'],
    [[], 'FIRST is missing (sample)'],
    [[''], 'FIRST is empty (sample)'],
    [['x', 'y', 'z'], '"z" is one word too many (sample)'],
  ])('%j is refused in words', (words, expected) => {
    expect(problem(...words)).toContain(`usage: ${expected}`);
  });

  test('--help wins over what is wrong', () => {
    expect(parse('--nonsense', '--help')).toEqual({ help: true });
    expect(parse('-h')).toEqual({ help: true });
  });
});

test('the command is the first word that is neither a flag nor the value of a common one', () => {
  expect(splitCommandLine(['--data-dir', 'd', 'up', '--port', '1'])).toEqual({
    verb: 'up',
    words: ['--data-dir', 'd', '--port', '1'],
  });
  expect(splitCommandLine(['--data-dir=d', 'up']).verb).toBe('up');
  expect(splitCommandLine(['--version']).verb).toBeUndefined();
});

test('suggestions: typing errors, swapped halves, beginnings; nothing for what is far from all', () => {
  const known = ['schedule-create', 'schedule-list', 'status', 'up'];
  expect(nearest('shcedule-list', known)).toBe('schedule-list');
  expect(nearest('list-schedule', known)).toBe('schedule-list');
  expect(nearest('create_schedule', known)).toBe('schedule-create');
  expect(nearest('stat', known)).toBe('status');
  expect(nearest('restic', known)).toBeUndefined();
});

describe('every command', async () => {
  const commands = await loadAllCommands();

  test.each(commands.map((each) => [each.name, each] as const))(
    '%s says what it is and shows how',
    (name, each) => {
      expect(groups).toContain(each.group);
      expect(each.summary).not.toMatch(/\.$/);
      expect(each.examples.length).toBeGreaterThan(0);
      for (const [line] of each.examples) expect(line).toContain(`backupctl ${name}`);
      const texts = [...Object.values(each.positionals), ...Object.values(flagsOf(each))].map(
        ({ describe }) => describe,
      );
      for (const text of texts) expect(text.length).toBeGreaterThan(5);
    },
  );

  test.each(commands.flatMap((each) => each.examples.map(([line]) => [line, each] as const)))(
    'the example `%s` is accepted',
    (line, each) => {
      const pieces = [...(line.match(/"[^"]*"|'[^']*'|\S+/g) ?? [])];
      const words = pieces.map((piece) => piece.replace(/^(["'])(.*)\1$/, '$2'));
      const from = words.indexOf(each.name);
      const end = pieces.findIndex((piece, at) => at > from && /^[<>|&)]|\)$/.test(piece));
      const own = words.slice(from + 1, end === -1 ? undefined : end);
      if (line.startsWith('source')) own.push('bash');
      expect(() => parseArguments(each, own)).not.toThrow();
    },
  );
});

test('exit codes are told apart, and stay below 126 but for Ctrl-C', () => {
  const codes = Object.values(exitCodes).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  expect(codes.filter((code) => code >= 126)).toEqual([130]);
});
