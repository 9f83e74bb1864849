import type { Hook } from '../client/types.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Parameters } from './command.ts';
import type { Context } from './context.ts';
import { formatDuration } from './duration.ts';
import { allowStatementsHere } from './password.ts';

export const hookFlags = {
  hook: {
    type: 'texts',
    value: 'MOMENT=NAME',
    describe:
      "run a command that the worker's configuration has below `hooks`; MOMENT is before, after or failure (of the dump)",
  },
  hookSql: {
    type: 'texts',
    value: 'MOMENT=SQL',
    describe: 'run statements on the source; no secret in them',
  },
  hookOptional: {
    type: 'texts',
    value: 'WHICH',
    describe: 'MOMENT=NAME, or MOMENT for all of that moment: the run goes on when it fails',
  },
  hookTimeout: {
    type: 'duration',
    value: 'TIME',
    min: 1,
    describe: "limit of the hooks that are given here; default: the configuration's, else 1m",
  },
} as const satisfies Parameters;

/** For commands that change what is there. */
export const hookChangeFlags = {
  ...hookFlags,
  hook: {
    ...hookFlags.hook,
    describe: `${hookFlags.hook.describe}; hooks that are given replace all that were`,
  },
  noHooks: { type: 'switch', describe: 'run no hooks any more' },
} as const satisfies Parameters;

const moments = ['before', 'after', 'failure'] as const;

interface HookArguments {
  hook: string[];
  hookSql: string[];
  hookOptional: string[];
  hookTimeout: number | undefined;
  noHooks?: boolean;
}

/**
 * The hooks of a command line, in the order in which those of one kind are written, commands first; undefined where none are given. The local
 * platform's worker may run its statements from now on, since its own user wrote them here.
 * @throws BackupctlError usage
 */
export async function hooksOf(args: HookArguments, context: Context): Promise<Hook[] | undefined> {
  const { hook, hookSql, hookOptional, hookTimeout } = args;
  const hooks: Hook[] = [
    ...hook.map((text): Hook => {
      const [when, run] = split('--hook', text, context);
      return { when, run };
    }),
    ...hookSql.map((text): Hook => {
      const [when, sql] = split('--hook-sql', text, context);
      return { when, sql };
    }),
  ];
  const fail = (message: string, hint: string): never => {
    throw new BackupctlError('usage', `${message} (${context.command})`, { hint });
  };
  if (args.noHooks && hooks.length > 0) fail('--no-hooks contradicts --hook', 'give one of them');
  if (hooks.length === 0) {
    if (hookOptional.length > 0 || hookTimeout !== undefined) {
      fail(
        '--hook-optional and --hook-timeout are of hooks',
        'give all hooks again with --hook and --hook-sql',
      );
    }
    return args.noHooks ? [] : undefined;
  }
  for (const which of hookOptional) {
    const named = hooks.filter(({ when, run }) => which === when || which === `${when}=${run}`);
    if (named.length === 0) {
      fail(
        '--hook-optional names no hook that is given here',
        `name one as ${titles(hooks)}, or all of a moment`,
      );
    }
    for (const each of named) each.optional = true;
  }
  if (hookTimeout !== undefined) for (const each of hooks) each.timeout = hookTimeout;
  for (const { sql } of hooks) if (sql !== undefined) await allowStatementsHere(sql, context);
  return hooks;
}

/** One line for a table: `before freeze, after thaw (optional, 30s), before SQL: CHECKPOINT`. */
export function formatHooks(hooks: readonly Hook[]): string | null {
  const texts = hooks.map(({ when, run, sql, optional, timeout }) => {
    const notes = [
      ...(optional ? ['optional'] : []),
      ...(timeout === undefined ? [] : [formatDuration(timeout)]),
    ];
    const note = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
    return run === undefined ? `${when} SQL${note}: ${sql}` : `${when} ${run}${note}`;
  });
  return texts.length === 0 ? null : texts.join(', ');
}

function titles(hooks: readonly Hook[]): string {
  const [first] = hooks;
  return first?.run === undefined ? (first?.when ?? 'before') : `${first.when}=${first.run}`;
}

function split(flag: string, text: string, { command }: Context): [Hook['when'], string] {
  const equals = text.indexOf('=');
  const when = moments.find((moment) => moment === text.slice(0, equals));
  const what = text.slice(equals + 1).trim();
  if (equals !== -1 && when !== undefined && what !== '') return [when, what];
  throw new BackupctlError(
    'usage',
    `${flag} wants a moment and a ${flag === '--hook' ? 'name' : 'statement'} (${command})`,
    {
      hint:
        flag === '--hook'
          ? 'such as --hook before=freeze; moments: before, after, failure'
          : "such as --hook-sql 'before=CHECKPOINT'",
    },
  );
}
