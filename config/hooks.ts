import type { Hook } from '../repository/hook.ts';
import type { SecretReference } from '../repository/manifest.ts';
import type { TextOrReference } from './notify.ts';
import { parseDuration } from './quantities.ts';
// Types only: with no configuration file zod is not loaded.
import type { ConfigDocument } from './schema.ts';

/** What a worker may run for a hook of that name. */
export type HookConfig = {
  /** Seconds. */
  timeout: number;
} & ({ command: readonly string[]; env: Readonly<Record<string, TextOrReference>> } | { sql: string });

/** Seconds that a hook has where nobody says otherwise. */
export const defaultHookTimeout = 60;

/** @param reference makes a reference's path absolute */
export function hooksConfig(
  document: NonNullable<ConfigDocument['hooks']>,
  reference: (secret: SecretReference) => SecretReference,
): ReadonlyMap<string, HookConfig> {
  return new Map(
    Object.entries(document).map(([name, { command = [], sql, timeout, env = {} }]): [string, HookConfig] => {
      const limit = { timeout: secondsOf(timeout) ?? defaultHookTimeout };
      if (sql !== undefined) return [name, { ...limit, sql }];
      const located = Object.entries(env).map(([key, text]) => [
        key,
        typeof text === 'string' ? text : reference(text),
      ]);
      return [
        name,
        { ...limit, command, env: Object.fromEntries(located) as Record<string, TextOrReference> },
      ];
    }),
  );
}

/** Hooks of an instance of the file, as the registry has them. */
export function instanceHooks(
  document: NonNullable<NonNullable<ConfigDocument['instances']>[string]['hooks']>,
): Hook[] {
  return document.map(({ when, run, sql, optional, timeout }) => {
    const seconds = secondsOf(timeout);
    return {
      when,
      ...(run === undefined ? {} : { run }),
      ...(sql === undefined ? {} : { sql }),
      ...(optional ? { optional: true as const } : {}),
      ...(seconds === undefined ? {} : { timeout: seconds }),
    };
  });
}

function secondsOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : (parseDuration(text) ?? undefined);
}
