import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { defaultHookTimeout, type HookConfig } from '../config/hooks.ts';
import type { Log } from '../engines/engine.ts';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type Hook, hookSchema, hookTitle, mostHooks } from '../repository/hook.ts';
import type { InstanceRecord } from '../repository/manifest.ts';
import type { PreparedBackup } from '../workflows/types.ts';
import type { BackupRef } from './backup.ts';
import { beating } from './beating.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';
import { runHookCommand } from './hook-command.ts';
import { openRunLog } from './run-log.ts';
import { withScratch } from './scratch.ts';
import { findInstance, targetOf } from './target.ts';

/** How what a hook follows has ended. */
export type HookOutcome = 'success' | 'failure' | 'cancelled';

export interface HookInput extends BackupRef {
  prepared: PreparedBackup;
  hook: Hook;
  /** Null before the dump. */
  outcome: HookOutcome | null;
}

export type HookActivities = ReturnType<typeof createHookActivities>;

/** Milliseconds that what was told to end has for that: a command's processes have five seconds before they are killed. */
const deafAfter = 30_000;

/** Lines of what statements returned. */
const keptRows = 100;

/**
 * Hooks of a backup, a step for each moment. What they name comes from Temporal: only what this worker's own configuration knows,
 * or its user has allowed, is run.
 */
export function createHookActivities(deps: ActivityDeps) {
  /** Instances as they were seen last: a store that is away must not keep an application frozen. */
  const known = new Map<string, InstanceRecord>();
  const run = (input: HookInput) => runHook(deps, input, known);
  return withFailures(
    beating(['hook_before', 'hook_after', 'hook_failure'], {
      /** @throws failed, which is not tried again: nothing was saved yet. */
      async hook_before(input: HookInput): Promise<void> {
        try {
          await run(input);
        } catch (error) {
          if (!(error instanceof BackupctlError)) throw error;
          const { code, message, hint } = error;
          throw new BackupctlError(code, message, {
            ...(hint === undefined ? {} : { hint }),
            retryable: false,
          });
        }
      },
      /** What it undoes has to be undone: its failure is tried again. */
      hook_after: run,
      hook_failure: run,
    }),
  );
}

async function runHook(
  deps: ActivityDeps,
  input: HookInput,
  known: Map<string, InstanceRecord>,
): Promise<void> {
  const log = openRunLog(deps.repository, input.execution_id, `hook_${input.hook.when}`);
  try {
    const hook = checked(input.hook);
    const title = hookTitle(hook);
    const begun = performance.now();
    // What was frozen is thawed whoever owns the repository by now.
    if (hook.when === 'before') await deps.repository.assertOwner(deps.platformId);
    const instance = await instanceOf(deps, input, known);
    const what = await whatToRun(deps, hook, instance);
    log.info(`hook ${title} begins`);
    await withinLimit(title, hook.timeout ?? what.timeout, (signal) =>
      withScratch(deps.scratch, (scratch) =>
        'command' in what
          ? runCommand(deps, what, { input, hook, instance, signal, log })
          : runStatements(deps, what.sql, { input, instance, signal, log, scratch }),
      ),
    );
    log.info(`hook ${title} is done`, { seconds: Math.round((performance.now() - begun) / 100) / 10 });
  } catch (error) {
    const words = messageOf(error);
    if (input.hook.optional) log.warn(`an optional hook failed: ${words}`);
    else log.error(words);
    throw error;
  } finally {
    await log.close();
  }
}

/** An instance by the registry. While that is away, once the dump has begun: as it was seen last, or what a command needs. */
async function instanceOf(
  deps: ActivityDeps,
  { prepared, hook }: HookInput,
  known: Map<string, InstanceRecord>,
): Promise<InstanceRecord> {
  const { instance_id: id, instance_name: name, engine, task_queue } = prepared;
  try {
    const found = await findInstance(deps, id);
    known.set(id, found);
    return found;
  } catch (error) {
    if (hook.when === 'before') throw error;
    const seen = known.get(id);
    if (seen !== undefined) return seen;
    if (hook.run === undefined) throw error;
    const at = new Date().toISOString();
    const unknown = { url: '', password: null, created_at: at, updated_at: at };
    return { id, revision: 1, deleted: false, name, engine, task_queue, ...unknown };
  }
}

/**
 * Whether this worker would run those hooks of an instance or a schedule.
 * @throws BackupctlError refused, usage
 */
export async function checkHooks(
  deps: ActivityDeps,
  hooks: readonly Hook[],
  instance: InstanceRecord,
): Promise<void> {
  for (const hook of hooks) await whatToRun(deps, checked(hook), instance);
}

function checked(hook: unknown): Hook {
  return readHooks([hook])[0] as Hook;
}

/** Hooks as they came through Temporal. @throws BackupctlError refused for what is none */
export function readHooks(hooks: unknown): Hook[] {
  const parsed = z
    .array(hookSchema)
    .max(mostHooks)
    .safeParse(hooks ?? []);
  if (parsed.success) return parsed.data;
  throw new BackupctlError('refused', 'a hook of this run is none that can be read', {
    hint: 'set it again with `backupctl instance-update` or `schedule-update`',
  });
}

type Statements = Extract<HookConfig, { sql: string }>;
type Command = Extract<HookConfig, { command: readonly string[] }>;

async function whatToRun(deps: ActivityDeps, hook: Hook, instance: InstanceRecord): Promise<HookConfig> {
  const { config } = deps;
  if (hook.sql !== undefined) {
    await deps.checkStatementsAllowed(hook.sql);
    return needsStatements(deps, { timeout: defaultHookTimeout, sql: hook.sql }, instance);
  }
  const name = hook.run ?? '';
  const known = config.hooks.get(name);
  if (known === undefined) {
    throw new BackupctlError('refused', `this worker knows no hook ${name}`, {
      hint: `name its command below hooks in ${config.file ?? `backupctl.yaml in ${config.dataDir}`} of every worker of its task queue`,
    });
  }
  return 'sql' in known ? needsStatements(deps, known, instance) : known;
}

async function needsStatements(
  deps: ActivityDeps,
  statements: Statements,
  instance: InstanceRecord,
): Promise<Statements> {
  const { facts, runStatements } = await deps.engineNamed(instance.engine);
  if (runStatements !== undefined) return statements;
  throw new BackupctlError('refused', `hooks can run no statements on ${facts.title}`, {
    hint: 'give a command instead',
  });
}

interface Running {
  input: HookInput;
  instance: InstanceRecord;
  signal: AbortSignal;
  log: Log;
}

async function runCommand(
  deps: ActivityDeps,
  what: Command,
  { input, hook, instance, signal, log }: Running & { hook: Hook },
): Promise<void> {
  const env: Record<string, string> = {};
  const secrets: string[] = [];
  for (const [name, text] of Object.entries(what.env)) {
    env[name] = await deps.ownText(text);
    if (typeof text !== 'string') secrets.push(env[name]);
  }
  // It is not told the password, but may read it by itself, and say it.
  const password =
    instance.password === null ? null : await deps.resolveSecret(instance.password).catch(() => null);
  if (password !== null) secrets.push(password.value);
  await runHookCommand({
    name: hook.run ?? '',
    command: what.command,
    env: {
      ...env,
      BACKUPCTL_HOOK: hook.when,
      BACKUPCTL_INSTANCE: instance.name,
      BACKUPCTL_INSTANCE_ID: instance.id,
      BACKUPCTL_BACKUP_ID: input.backup_id,
      BACKUPCTL_EXECUTION_ID: input.execution_id,
      BACKUPCTL_OUTCOME: input.outcome ?? '',
    },
    secrets,
    signal,
    log,
  });
}

async function runStatements(
  deps: ActivityDeps,
  sql: string,
  { input, instance, signal, log, scratch }: Running & { scratch: string },
): Promise<void> {
  const engine = await deps.engineNamed(instance.engine);
  const { target, warnings } = await targetOf(deps, instance);
  for (const warning of warnings) log.warn(warning);
  const run = { executionId: input.execution_id, signal, log, scratch };
  const lines = (await engine.runStatements?.(target, sql, run)) ?? [];
  for (const line of lines.slice(0, keptRows)) log.info(`SQL: ${line}`);
  if (lines.length > keptRows) log.info(`SQL: and ${lines.length - keptRows} lines more`);
}

/** Runs the body with a signal that is aborted at the limit, or with the activity. */
async function withinLimit(
  title: string,
  seconds: number,
  body: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const limit = new AbortController();
  const late = new BackupctlError('failed', `hook ${title} did not end within ${seconds} s`, {
    hint: 'what it had started was ended; give it longer with `timeout` or --hook-timeout',
  });
  const signal = AbortSignal.any([Context.current().cancellationSignal, limit.signal]);
  const timer = setTimeout(() => limit.abort(late), seconds * 1000);
  // Whatever does not hear of its end is not waited for: it would hold the lane of the instance.
  const { promise: deaf, reject } = Promise.withResolvers<never>();
  let patience: NodeJS.Timeout | undefined;
  const listen = () => {
    patience = setTimeout(() => reject(signal.reason), deafAfter);
  };
  signal.addEventListener('abort', listen, { once: true });
  try {
    await Promise.race([body(signal), deaf]);
  } catch (error) {
    // What the server or the program say of their end is only its consequence.
    throw limit.signal.aborted ? late : named(title, error);
  } finally {
    clearTimeout(timer);
    clearTimeout(patience);
    signal.removeEventListener('abort', listen);
  }
}

function named(title: string, error: unknown): unknown {
  if (!(error instanceof BackupctlError)) return error;
  const { code, message, hint, retryable } = error;
  return new BackupctlError(code, `hook ${title}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    retryable,
    cause: error,
  });
}
