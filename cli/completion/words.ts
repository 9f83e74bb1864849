import { type AnyCommand, flagsOf, kebabCase, type Parameter } from '../command.ts';

/** One flag, as a shell wants to know it. */
export interface FlagWords {
  /** `--overlap` */
  flag: string;
  describe: string;
  takesValue: boolean;
  takesPath: boolean;
  choices: readonly string[];
}

/** One command and its flags. */
export interface CommandWords {
  name: string;
  summary: string;
  flags: FlagWords[];
}

/** What there is to complete. */
export function wordsOf(commands: readonly AnyCommand[]): CommandWords[] {
  return commands.map((command) => ({
    name: command.name,
    summary: command.summary,
    flags: Object.entries(flagsOf(command)).map(([name, parameter]) => flagWords(name, parameter)),
  }));
}

function flagWords(name: string, parameter: Parameter): FlagWords {
  return {
    flag: `--${kebabCase(name)}`,
    describe: parameter.describe,
    takesValue: parameter.type !== 'switch',
    takesPath: parameter.type === 'file',
    choices: parameter.type === 'choice' ? parameter.choices : [],
  };
}

/** A text in single quotes, for any of the three shells. */
export function quoted(text: string, innerQuote: string): string {
  return `'${text.replaceAll("'", innerQuote)}'`;
}
