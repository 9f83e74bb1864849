import { Context } from '@temporalio/activity';
import { messageOf } from '../../errors/backupctl-error.ts';
import { ActionError, type ActionFacts, type Outcome, raised } from '../../workbooks/actions/action.ts';
import type { ActionRun } from '../../workbooks/actions/action-run.ts';
import { checkConstruction } from '../../workbooks/actions/construct.ts';
import type { PlatformAction } from '../../workbooks/actions/platform.ts';
import { builtInAction } from '../../workbooks/actions/registry.ts';
import { isRepeatable } from '../../workbooks/actions/repeatable.ts';
import { ExpressionError } from '../../workbooks/expressions/language.ts';
import type { Value } from '../../workbooks/expressions/value.ts';
import { whileBeating } from '../beating.ts';
import type { ActivityDeps } from '../deps.ts';
import { withFailures } from '../failure.ts';
import { runEmail } from './email.ts';
import { ActionFailure } from './failure.ts';
import { callbackHeaders, runHttp } from './http.ts';
import { runJavaScript } from './javascript.ts';
import { runPlatform } from './platform.ts';
import { ActionSecrets } from './secrets.ts';
import { runSsh } from './ssh.ts';

export type WorkbookActivities = ReturnType<typeof createWorkbookActivities>;

/** What actions need of a worker. */
export type ActionDeps = Pick<
  ActivityDeps,
  'callClient' | 'checkDirectoryAllowed' | 'checkFileAllowed' | 'config' | 'events' | 'ownText'
>;

/** Bytes of a result as JSON: Mistral stores no larger one either. */
const mostResult = 1024 * 1024;

/** Actions of workbooks that reach beyond the workflow. */
export function createWorkbookActivities(deps: ActionDeps) {
  return withFailures({
    /**
     * Runs an action once. How it ended is a value, also where it failed; what is thrown is for Temporal: a cancel, a worker
     * that is told to stop, a store that is away. No secret of the configuration is in what it returns or throws.
     */
    action_run: (run: ActionRun): Promise<Outcome> => whileBeating(() => actionRun(deps, run)),
  });
}

async function actionRun(deps: ActionDeps, run: ActionRun): Promise<Outcome> {
  const facts = builtInAction(run.name);
  const { action_execution_id: id } = run.execution;
  if (facts?.runs !== 'activity') {
    return { error: raised(run.shown, id, `${run.name} is no action of a worker`) };
  }
  if (Context.current().info.attempt > 1 && !run.safe_rerun && !isRepeatable(facts, run.input)) {
    return {
      error: `Request to run an action was redelivered, but it cannot be re-run safely. The only safe thing to do is fail it [action=${run.shown}].`,
    };
  }
  const secrets = new ActionSecrets(deps.config.workbooks.secrets, (reference) => deps.ownText(reference));
  await secrets.learnAll();
  const outcome = await limited(deps, run, facts, secrets);
  const { events } = deps;
  const ended = 'error' in outcome ? 'failed' : 'is done';
  events.info(`action ${run.name} ${ended}`, {
    action_execution: id,
    workflow: run.execution.workflow_name ?? '',
  });
  return outcome;
}

/** Within the time that the task gives to it. */
async function limited(
  deps: ActionDeps,
  run: ActionRun,
  facts: ActionFacts,
  secrets: ActionSecrets,
): Promise<Outcome> {
  const { cancellationSignal } = Context.current();
  const late = new AbortController();
  const timer =
    run.timeout === null || run.timeout <= 0
      ? undefined
      : setTimeout(() => late.abort(), Math.min(run.timeout * 1000, 2 ** 31 - 1));
  const signal = AbortSignal.any([cancellationSignal, late.signal]);
  const failed = (message: string): Outcome => ({
    error: secrets.mask(raised(run.shown, run.execution.action_execution_id, message)),
  });
  try {
    checkConstruction(facts, run.input);
    const ended = await dispatch(deps, run, facts, secrets, signal);
    const outcome: Outcome =
      'error' in ended ? { error: secrets.mask(ended.error) } : { result: secrets.mask(ended.result) };
    const size = Buffer.byteLength(JSON.stringify(outcome));
    if (size > mostResult) return failed(`the result has ${size} bytes, and may have ${mostResult}`);
    return outcome;
  } catch (error) {
    cancellationSignal.throwIfAborted();
    if (late.signal.aborted) return failed(`Timeout after ${run.timeout} seconds`);
    const foreseen = [ActionFailure, ActionError, ExpressionError].some((kind) => error instanceof kind);
    if (foreseen) return failed(messageOf(error));
    if (isPlatform(facts)) throw error;
    // What nobody foresaw ends the action, and not the worker's patience: its words may hold anything.
    return failed(`it failed unexpectedly: ${messageOf(error).slice(0, 300)}`);
  } finally {
    clearTimeout(timer);
  }
}

async function dispatch(
  deps: ActionDeps,
  run: ActionRun,
  facts: ActionFacts,
  secrets: ActionSecrets,
  signal: AbortSignal,
): Promise<Outcome> {
  const { workbooks } = deps.config;
  const { input, execution } = run;
  const id = execution.action_execution_id;
  const result = (value: Value): Outcome => ({ result: value });
  if (isPlatform(facts)) return result(await runPlatform(facts, input, { ...deps, signal, id }));
  const around = { secrets, signal };
  switch (facts.name) {
    case 'std.http':
      return runHttp(input, { ...around, config: workbooks.http, checkFileAllowed: deps.checkFileAllowed });
    case 'std.mistral_http':
      return runHttp(
        input,
        { ...around, config: workbooks.http, checkFileAllowed: deps.checkFileAllowed },
        callbackHeaders(execution),
      );
    case 'std.email':
      return result(await runEmail(input, { ...around, config: workbooks.email, id }));
    case 'std.ssh':
    case 'std.ssh_proxied':
      return result(await runSsh(input, { ...around, config: workbooks.ssh }));
    case 'std.javascript':
    case 'std.js':
      return result(await runJavaScript(input, workbooks.javascript, signal));
    default:
      throw new Error(`${facts.name} has nothing that runs it`);
  }
}

function isPlatform(facts: ActionFacts): facts is PlatformAction {
  return 'method' in facts;
}
