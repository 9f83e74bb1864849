import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../errors/backupctl-error.ts';
import { isAlive } from '../../test/servers/process.ts';
import { baseDatabases, contentOf, nextEdition } from './databases.ts';
import { Historian, type History } from './history.ts';
import type { Injected } from './kind.ts';
import { Ledger } from './ledger.ts';
import { leftovers } from './leftovers.ts';
import { type Asked, ask, type Stock } from './operations.ts';
import { describePlan, type Plan } from './plan.ts';
import { leakedSecrets, secretsInArguments } from './secrets.ts';
import { Verdict } from './verdict.ts';
import type { World } from './world.ts';

export type Outcome = 'survived' | 'retried' | 'failed loudly' | 'violated';

export interface FaultResult {
  kind: string;
  /** What was struck; faults that found nothing are not in the result. */
  what: string;
  outcome: Outcome;
}

export interface RunResult {
  seed: number;
  index: number;
  world: string;
  faults: FaultResult[];
  /** Faults that found nothing to strike. */
  missed: string[];
  /** From the last lift until every execution had ended and the platform was ready. */
  healthySeconds: number;
  seconds: number;
  /** How executions ended, by state. */
  ends: Record<string, number>;
  /** What executions that ended ERROR said, and why something could not be started. */
  said: string[];
  violations: string[];
  /** The world may no longer be what it was: it is not used again. */
  spoilt: boolean;
}

/** How long everything may take to end by itself, in milliseconds: eight attempts with growing pauses, and some. */
const patience = 420_000;
/** Backups that stay in the repository from run to run. */
const kept = 7;

/** A world with what is remembered of it from run to run. */
export class Arena {
  readonly world: World;
  readonly ledger: Ledger;
  /** Of the copy, where there is one. */
  readonly copyLedger: Ledger | null;
  /** What a restore of a backup may bring: the source's content when it was made. */
  readonly contents = new Map<string, Set<string>>();
  readonly verified = new Set<string>();
  readonly deleted = new Set<string>();
  readonly historian: Historian;

  constructor(world: World) {
    this.world = world;
    this.historian = new Historian(world);
    this.ledger = new Ledger(world.repository);
    this.copyLedger = world.copy === null ? null : new Ledger(world.copy);
  }
}

/** Ends the servers of an arena. */
export async function closeArena({ world, historian }: Arena): Promise<void> {
  await historian.close();
  await world.stop();
}

/** Does a run: operations with faults between them, then healing, then every invariant. Never throws. */
export async function runPlan(arena: Arena, plan: Plan): Promise<RunResult> {
  const begun = performance.now();
  const result: RunResult = {
    ...{ seed: plan.seed, index: plan.index, world: plan.world, faults: [], missed: [], healthySeconds: 0 },
    ...{ seconds: 0, ends: {}, said: [], violations: [], spoilt: false },
  };
  try {
    await attempt(arena, plan, result);
  } catch (error) {
    result.violations.push(`the run itself broke: ${error instanceof Error ? error.stack : String(error)}`);
    result.spoilt = true;
  }
  if (result.violations.length > 0) {
    result.violations.unshift(describePlan(plan));
    for (const fault of result.faults) fault.outcome = 'violated';
  }
  result.seconds = (performance.now() - begun) / 1000;
  return result;
}

async function attempt(arena: Arena, plan: Plan, result: RunResult): Promise<void> {
  const { world } = arena;
  world.sourceStates.clear();
  world.historyLost = false;
  const began = new Date();
  await nextEdition(world.postgres, plan.index);
  const listed = await world.client().backupList({ limit: 200 });
  const names = new Map((await world.client().instanceList()).map(({ id, name }) => [id, name]));
  const stock: Stock = {
    backups: listed.items
      .filter(({ status }) => status === 'COMPLETED')
      .map(({ id, instanceId }) => ({ id, instance: names.get(instanceId) ?? '' })),
    scheduleId: world.scheduleId,
    deleted: arena.deleted,
  };
  const sources = await sourceContents(world);
  const asked: Asked[] = [];
  const struck: { name: string; injected: Injected }[] = [];
  const leaks: string[] = [];

  const operations = plan.operations.map(async (operation, number) => {
    await sleep(operation.at);
    asked.push(
      await ask(world, operation, stock, { index: plan.index, number, random: plan.random, begun: asked }),
    );
  });
  const faults = plan.faults.map(async ({ kind, at, hold }) => {
    await sleep(at);
    const injected = await kind.inject(world, plan.random);
    struck.push({ name: kind.name, injected });
    try {
      await sleep(hold);
      leaks.push(...(await secretsInArguments(world)));
    } finally {
      await injected.lift();
    }
  });
  for (const end of await Promise.allSettled(faults)) if (end.status === 'rejected') throw end.reason;
  const lifted = performance.now();
  // Commands that wait for the end of their run wait as long as that takes.
  const starts = Promise.all(operations);
  const history = await untilHealthy(arena, began, starts);
  result.healthySeconds = (performance.now() - lifted) / 1000;
  await starts;
  if (typeof history === 'string') {
    result.violations.push(history);
    result.spoilt = true;
    return;
  }

  const changed = await sourceContents(world);
  const verdict = new Verdict(arena, {
    asked,
    history,
    before: sources,
    after: changed,
    reasons: plan.faults.flatMap(({ kind }) => kind.reasons),
  });
  // What a kind finds by itself may be another fault of the run: an upload beside, while the credentials are refused.
  const found = struck.flatMap(({ name, injected }) => {
    const others = plan.faults.filter(({ kind }) => kind.name !== name).flatMap(({ kind }) => kind.reasons);
    return (injected.wrong ?? []).filter((line) => !others.some((reason) => reason.test(line)));
  });
  result.violations.push(...leaks, ...found, ...(await verdict.violations()));
  for (const { state } of history.executions) result.ends[state] = (result.ends[state] ?? 0) + 1;
  result.said.push(...verdict.said);
  const outcome: Outcome =
    verdict.said.length > 0 ? 'failed loudly' : verdict.retried ? 'retried' : 'survived';
  for (const { name, injected } of struck) {
    if (injected.struck) result.faults.push({ kind: name, what: injected.what, outcome });
    else result.missed.push(name);
  }
  result.violations.push(...(await verdict.verifyBackups(plan.random)));
  await tidy(arena, verdict);
  result.violations.push(...(await sweepAndLook(arena, asked)));
  for (const ledger of [arena.ledger, arena.copyLedger]) {
    if (ledger !== null) result.violations.push(...(await ledger.check((id) => arena.deleted.has(id))));
  }
}

/** Waits until everything that was begun has ended, and the platform answers. @returns words where that does not come */
async function untilHealthy(
  { world, historian }: Arena,
  began: Date,
  starts: Promise<unknown>,
): Promise<History | string> {
  let started = false;
  void starts.then(() => {
    started = true;
  });
  const end = performance.now() + patience;
  let last = 'nothing was heard';
  for (;;) {
    try {
      const ready = (await fetch(`http://127.0.0.1:${world.platform.port}/readyz`)).ok;
      const history = await historian.since(began);
      const running =
        history.running.length + history.executions.filter(({ state }) => state === 'RUNNING').length;
      if (ready && started && running === 0) {
        // Lists follow facts after some milliseconds: twice the same is the end.
        await sleep(120);
        const again = await historian.since(began);
        if (again.running.length === 0 && again.executions.length === history.executions.length) return again;
      }
      last = `ready: ${ready}, operations asked for: ${started}, running: ${history.running.join(', ')}`;
    } catch (error) {
      last = messageOf(error);
    }
    if (!isAlive(world.platform.pid)) return `the platform has ended: ${world.platform.stderr.slice(-600)}`;
    if (performance.now() > end) return `not healthy after ${patience / 1000} s: ${last}`;
    await sleep(300);
  }
}

async function sourceContents(world: World): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const database of ['shop', 'bills', 'stock'])
    found.set(database, await contentOf(world.postgres, database));
  return found;
}

/** Drops what restores made, and asks to delete the oldest backups, so that a world stays small. */
async function tidy({ world, deleted }: Arena, verdict: Verdict): Promise<void> {
  for (const database of verdict.databases) {
    if (!(baseDatabases as readonly string[]).includes(database)) {
      await world.postgres.psql(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    }
  }
  const completed = (await world.client().backupList({ limit: 200 })).items.filter(
    ({ status }) => status === 'COMPLETED',
  );
  const stock = completed.filter(({ instanceName }) => instanceName === 'stock').at(-1)?.id;
  for (const { id } of completed.slice(0, Math.max(0, completed.length - kept))) {
    if (id === stock) continue;
    deleted.add(id);
    const { executionId } = await world.client().backupDelete(id);
    await world.client().executionWait(executionId);
  }
}

/** The janitor without any grace, and then nothing may be left. */
async function sweepAndLook(
  { world, ledger, copyLedger }: Arena,
  asked: readonly Asked[],
): Promise<string[]> {
  const wrong: string[] = [];
  // What executions left that Temporal forgot is known by their logs, once those are closed: by the first of two sweeps.
  if (world.historyLost)
    await world.client().executionWait((await world.client().janitorRun({ grace: 0 })).id);
  const { id } = await world.client().janitorRun({ grace: 0 });
  await world.client().executionWait(id);
  const { state, output } = await world.client().executionShow(id);
  if (state !== 'SUCCESS') wrong.push(`the janitor ended ${state}: ${JSON.stringify(output)}`);
  const problems = (output as { problems?: string[] } | null)?.problems ?? [];
  if (problems.length > 0) wrong.push(`the janitor has problems: ${problems.join('; ')}`);
  // A session takes a moment to end, and a process to go.
  let left: string[] = [];
  for (let look = 0; look < 12; look += 1) {
    left = await leftovers(world, ledger, new Set(baseDatabases));
    left.push(...((await copyLedger?.strays()) ?? []).map((file) => `object ${file} of the copy`));
    if (left.length === 0) break;
    await sleep(500);
  }
  wrong.push(...left.map((line) => `left behind: ${line}`));
  wrong.push(
    ...(await leakedSecrets(
      world,
      asked.map(({ printed, refusal }) => `${printed}${refusal}`),
    )),
  );
  return wrong;
}
