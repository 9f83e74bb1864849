import type { Context } from './context.ts';

/** The headings of `backupctl --help`, in its order. */
export const groups = [
  'Schedules',
  'Executions',
  'Workbooks',
  'Instances',
  'Backups',
  'Restores',
  'Repository and keys',
  'Platform',
] as const;
export type Group = (typeof groups)[number];

/** What a user may write for a flag or a positional, and what `run` gets for it. */
export type Parameter = {
  describe: string;
  /** Shown where it is left out; the client or the workflow applies it. */
  default?: string;
} & (
  | { type: 'text'; value: string; required?: true; allowEmpty?: true }
  | { type: 'file'; value: string; required?: true }
  | { type: 'choice'; choices: readonly string[]; required?: true }
  /** Repeatable. */
  | { type: 'texts'; value: string }
  | { type: 'integer'; value: string; min: number; max?: number }
  /** `90s`, `15m`, `6h`, `1d`, `1h30m` or a number of seconds; `run` gets seconds. */
  | {
      type: 'duration';
      value: string;
      min: number;
      /** What the flag alone stands for; a value has to begin with a digit then, or be written after `=`. */
      alone?: string;
    }
  | { type: 'switch' }
);
export type Parameters = Record<string, Parameter>;

/** Positionals are texts; the last one may be optional. */
export type Positional = { describe: string; optional?: true };
export type Positionals = Record<string, Positional>;

type FlagValue<P extends Parameter> = P extends { type: 'switch' }
  ? boolean
  : P extends { type: 'texts' }
    ? string[]
    : P extends { type: 'choice'; choices: readonly (infer C)[] }
      ? C | undefined
      : P extends { type: 'integer' | 'duration' }
        ? number | undefined
        : P extends { required: true }
          ? string
          : string | undefined;
type PositionalValue<P extends Positional> = P extends { optional: true } ? string | undefined : string;

/** What was written, checked and typed: positionals and flags by their camel-case names. */
export type Arguments<P extends Positionals, F extends Parameters> = {
  [K in keyof P]: PositionalValue<P[K]>;
} & { [K in keyof F]: FlagValue<F[K]> };

/** Something that `backupctl` does. Everything that help, completion and the reference say of it is here. */
export interface Command<P extends Positionals = Positionals, F extends Parameters = Parameters> {
  name: string;
  group: Group;
  /** One line, without a full stop. */
  summary: string;
  /** Further sentences for `--help` and the reference. */
  description?: string;
  positionals: P;
  /** Keys in camel case; written in kebab case: `catchupWindow` is `--catchup-window`. */
  flags: F;
  /**
   * A list or a thing is shaped by `--json`, `--yaml` and `--long`. `nothing`: no table, as in Trove; `--json` and
   * `--yaml` are taken, so that a program may always give them, and shape the run that was started, where one was.
   */
  prints: 'list' | 'thing' | 'nothing' | 'text';
  /** What to type, and what it does. */
  examples: readonly (readonly [line: string, what: string])[];
  /** Ctrl-C ends it at once, but for those that take it themselves (`context.interrupted`), some only with `--wait`. */
  handlesInterrupt?: 'always' | 'waiting';
  /** @returns the exit code; nothing means 0. */
  run(args: Arguments<P, F>, context: Context): Promise<number | undefined> | Promise<void>;
}

/** A command as the machinery sees it, when it does not care for the types of its arguments. */
export type AnyCommand = Omit<Command, 'run'> & {
  run(args: Record<string, unknown>, context: Context): Promise<number | undefined> | Promise<void>;
};

/** Ties the types of `run`'s arguments to what the command declares. */
export function defineCommand<const P extends Positionals, const F extends Parameters>(
  command: Command<P, F>,
): AnyCommand {
  return command as unknown as AnyCommand;
}

/** `catchupWindow` gives `catchup-window`. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Flags that every command takes. */
export const commonFlags = {
  dataDir: {
    type: 'file',
    value: 'DIRECTORY',
    describe: 'the platform to talk to (environment: BACKUPCTL_DATA_DIR)',
  },
  config: {
    type: 'file',
    value: 'FILE',
    describe: 'configuration file (environment: BACKUPCTL_CONFIG)',
    default: 'backupctl.yaml of the data directory',
  },
  debug: { type: 'switch', describe: 'show the stack of an error' },
  help: { type: 'switch', describe: 'show this text' },
} as const satisfies Parameters;

/** Flags of those commands that print things or lists. */
export const outputFlags = {
  json: { type: 'switch', describe: 'print JSON: snake_case keys, ISO 8601 times' },
  yaml: { type: 'switch', describe: 'the same as YAML' },
  long: { type: 'switch', describe: 'print every row or column' },
} as const satisfies Parameters;

/** All flags that a command takes: its own, then those it shares with others. */
export function flagsOf(command: AnyCommand): Parameters {
  return { ...command.flags, ...outputFlagsOf(command), ...commonFlags };
}

/** Those of the flags that shape what is printed which a command takes. */
export function outputFlagsOf({ prints }: Pick<AnyCommand, 'prints'>): Parameters {
  const { json, yaml } = outputFlags;
  if (prints === 'list' || prints === 'thing') return outputFlags;
  return prints === 'nothing' ? { json, yaml } : {};
}
