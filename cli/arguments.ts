import yargsParser from 'yargs-parser';
import { parseDuration } from '../config/quantities.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { type AnyCommand, flagsOf, kebabCase, type Parameter, type Parameters } from './command.ts';

import { nearest } from './suggest.ts';

/**
 * Parses what stands after a command's name, strictly: each flag known, given once and with a value of its type,
 * each positional there. `--help` in it wins over everything that is wrong.
 * @returns values by camel-case name; switches are false and lists empty where they were left out.
 * @throws BackupctlError usage
 */
export function parseArguments(command: AnyCommand, given: readonly string[]): Record<string, unknown> {
  const flags = flagsOf(command);
  const words = withValues(given, flags);
  const written = new Map(Object.keys(flags).map((name) => [kebabCase(name), name]));
  const parsed = yargsParser.detailed([...words], parserOptions(flags));
  if (parsed.argv.help === true) return { help: true };

  const fail = (message: string, hint?: string): never => {
    throw new BackupctlError('usage', `${message} (${command.name})`, {
      hint: hint ?? `see \`backupctl ${command.name} --help\``,
    });
  };

  for (const word of words.slice(0, words.includes('--') ? words.indexOf('--') : undefined)) {
    const flag = /^--([^=]+)=/.exec(word)?.[1] ?? '';
    const name = written.get(flag);
    // The parser would take any value for yes.
    if (name !== undefined && flags[name]?.type === 'switch')
      fail(`--${flag} takes no value`, 'write it alone');
  }

  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parsed.argv)) {
    if (key === '_' || key === '--') continue;
    const name = written.get(key);
    if (name === undefined) {
      const near = nearest(key, [...written.keys()]);
      const flag = key.length === 1 ? `-${key}` : `--${key}`;
      fail(`unknown flag ${flag}`, near ? `did you mean --${near}?` : undefined);
      continue;
    }
    const parameter = flags[name];
    if (parameter !== undefined) values[name] = checkValue(`--${key}`, parameter, value, fail);
  }
  if (parsed.error) fail(describeParserError(parsed.error, written));

  for (const [name, parameter] of Object.entries(flags)) {
    if (name in values) continue;
    if (parameter.type === 'switch') values[name] = false;
    else if (parameter.type === 'texts') values[name] = [];
    else if ('required' in parameter) fail(`--${kebabCase(name)} is missing`);
  }
  takePositionals(command, parsed.argv._.map(String), values, fail);
  return values;
}

/** Gives a flag that may stand alone the value that this stands for. */
function withValues(words: readonly string[], flags: Parameters): string[] {
  const end = words.includes('--') ? words.indexOf('--') : words.length;
  return words.map((word, at) => {
    const parameter = Object.entries(flags).find(([name]) => `--${kebabCase(name)}` === word)?.[1];
    if (at >= end || parameter?.type !== 'duration' || parameter.alone === undefined) return word;
    return /^\d/.test(words[at + 1] ?? '') ? word : `${word}=${parameter.alone}`;
  });
}

function parserOptions(flags: Parameters): yargsParser.Options {
  const named = (wanted: (parameter: Parameter) => boolean) =>
    Object.entries(flags)
      .filter(([, parameter]) => wanted(parameter))
      .map(([name]) => kebabCase(name));
  const valued = named((parameter) => parameter.type !== 'switch');
  return {
    string: valued,
    array: named((parameter) => parameter.type === 'texts'),
    boolean: named((parameter) => parameter.type === 'switch'),
    narg: Object.fromEntries(valued.map((name) => [name, 1])),
    alias: { help: ['h'] },
    configuration: {
      'strip-aliased': true,
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'duplicate-arguments-array': true,
      'flatten-duplicate-arrays': true,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'short-option-groups': false,
    },
  };
}

type Fail = (message: string, hint?: string) => never;

function checkValue(flag: string, parameter: Parameter, value: unknown, fail: Fail): unknown {
  if (parameter.type === 'switch') {
    return Array.isArray(value) ? value.at(-1) === true : value === true;
  }
  if (parameter.type === 'texts') {
    const texts = Array.isArray(value) ? value.map(String) : [String(value)];
    return texts.includes('') ? fail(`${flag} is empty`) : texts;
  }
  if (Array.isArray(value)) return fail(`${flag} is given ${value.length} times`, 'give it once');
  const text = String(value);
  if (text === '' && !('allowEmpty' in parameter)) return fail(`${flag} wants a value`);
  switch (parameter.type) {
    case 'text':
    case 'file':
      return text;
    case 'choice': {
      if (parameter.choices.includes(text)) return text;
      return fail(`${flag} is ${quote(text)}`, `write one of ${parameter.choices.join(', ')}`);
    }
    case 'integer': {
      const range = `${parameter.min}${parameter.max === undefined ? ' or more' : ` to ${parameter.max}`}`;
      const number = Number(text);
      const fits =
        /^-?\d{1,15}$/.test(text) && number >= parameter.min && number <= (parameter.max ?? number);
      return fits ? number : fail(`${flag} is ${quote(text)}`, `write a whole number, ${range}`);
    }
    case 'duration': {
      const seconds = /^\d{1,9}$/.test(text) ? Number(text) : parseDuration(text);
      if (seconds !== null && seconds >= parameter.min) return seconds;
      return fail(
        `${flag} is ${quote(text)}`,
        `write a time such as 90s, 15m, 6h or 1d, ${parameter.min}s or more`,
      );
    }
  }
}

function takePositionals(
  command: AnyCommand,
  words: string[],
  values: Record<string, unknown>,
  fail: Fail,
): void {
  const names = Object.keys(command.positionals);
  names.forEach((name, position) => {
    const word = words[position];
    const label = kebabCase(name).toUpperCase();
    if (word === '') fail(`${label} is empty`);
    if (word === undefined && !command.positionals[name]?.optional) fail(`${label} is missing`);
    values[name] = word;
  });
  const surplus = words[names.length];
  if (surplus !== undefined) {
    const hint = names.length < 2 ? undefined : 'a pattern or a name with spaces wants quotes around it';
    fail(`${quote(surplus)} is one word too many`, hint);
  }
}

function describeParserError(error: Error, written: Map<string, string>): string {
  const flag = /Not enough arguments following: (\S+)/.exec(error.message)?.[1];
  return flag !== undefined && written.has(flag) ? `--${flag} wants a value` : error.message;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);
}
