import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { recoverSchedules, type ScheduleRecovery } from '../../client/schedule-recovery.ts';
import { platformName } from '../../config/copies.ts';
import { type Config, loadConfig } from '../../config/load.ts';
import { openRepository } from '../../config/repository.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Epoch } from '../../repository/manifest.ts';
import type { Repository } from '../../repository/repository.ts';
import { checkRoom, makeDataDir } from '../data-dir.ts';
import { ensurePlatformId, readPlatformId } from '../platform-id.ts';
import { UndoStack } from '../undo-stack.ts';
import { type Belongings, bringBelongings } from './belongings.ts';
import type { RecoverOptions } from './options.ts';
import { lookAtPlaces, type Places } from './places.ts';
import { planRecovery, type RecoveryPlan } from './plan.ts';
import { type RecoverySettings, recoverySettings } from './settings.ts';
import { joinTemporal, type RunningPlatform, startTemporal, takeDataDir } from './temporal.ts';
import { endRecovery, recordRecovery, unfinishedRecovery } from './unfinished.ts';

/** What a recovery came to. */
export interface Recovered {
  plan: RecoveryPlan;
  dataDir: string;
  /** What follows is null after a dry run. */
  epoch: Epoch | null;
  belongings: Belongings | null;
  schedules: ScheduleRecovery | null;
  /** The `up` that goes on as the owner, or null where none runs. */
  running: RunningPlatform | null;
  /** Whether that one has begun its work. */
  ready: boolean | null;
}

/**
 * `backupctl recover`: makes the platform of a data directory the owner of a repository, and its schedules those that
 * the repository has copies of. Everything is read and checked first; then the epoch is claimed, which only one of
 * several can; only then schedules are made, under their old ids. Ended at any moment, it can be called again, and goes on.
 * @throws BackupctlError conflict (another one took it over at the same moment: nothing was scheduled then), credentials
 *   (no trusted signer, or another identity), configuration, not-found, unavailable
 */
export async function recover(options: RecoverOptions): Promise<Recovered> {
  const settings = await recoverySettings(options);
  const { dataDir } = settings.config;
  const undo = new UndoStack();
  try {
    const reader = await openRepository(settings.reading, { env: options.env });
    undo.push(() => reader.store.close());
    const places = await lookAtPlaces(
      settings.config,
      { place: settings.place, repository: reader },
      options.env,
    );
    undo.push(() => places.close());
    if (options.dryRun) {
      const plan = await makePlan(reader, settings, options, places);
      return { plan, dataDir, epoch: null, belongings: null, schedules: null, running: null, ready: null };
    }
    // Everything that we or Temporal create is for this user alone.
    process.umask(0o077);
    makeDataDir(dataDir);
    checkRoom(dataDir);
    const { lock, running } = await takeDataDir(dataDir);
    undo.push(() => lock?.release());
    if (running !== null) assertSameRepository(running, reader, dataDir);
    const plan = await makePlan(reader, settings, options, places);
    return await carryOut({ plan, places, settings, options, running, undo });
  } finally {
    await undo.run();
  }
}

async function makePlan(
  repository: Repository,
  { config, identity }: RecoverySettings,
  { activate, onProgress }: RecoverOptions,
  places: Places,
): Promise<RecoveryPlan> {
  const there = await stat(config.dataDir).catch(() => null);
  const plan = await planRecovery(repository, {
    config,
    platformId: there === null ? null : readPlatformId(config.dataDir),
    identity,
    activate,
    onProgress,
  });
  return { ...plan, places: places.found };
}

interface Work {
  plan: RecoveryPlan;
  places: Places;
  settings: RecoverySettings;
  options: RecoverOptions;
  running: RunningPlatform | null;
  undo: UndoStack;
}

async function carryOut({ plan, places, settings, options, running, undo }: Work): Promise<Recovered> {
  const { env, onProgress } = options;
  const { dataDir } = settings.config;
  const now = new Date();
  const belongings = await bringBelongings(settings, now);
  const platformId = ensurePlatformId(dataDir);
  // As the platform will read it: what was written has to be right.
  const config = await loadConfig({ ...options, dataDir, ownsDataDir: true });
  const repository = await openRepository({ ...config, store: settings.reading.store }, { write: true, env });
  undo.push(() => repository.store.close());

  const interrupted = unfinishedRecovery(dataDir)?.repository_id === plan.repositoryId;
  const repositoryWins = !plan.owned || interrupted;
  onProgress('claiming the next epoch');
  const epoch = plan.owned
    ? await repository.assertOwner(platformId)
    : await claim(repository, plan, platformId, config, now);

  // The copies follow; one that does not answer now is followed by `up` when it does.
  plan.problems.push(...(await places.claim({ platformId, platform: platformName(config), now })));

  const temporal =
    running === null
      ? await startTemporal(config, env, onProgress)
      : await joinTemporal(running, config, env);
  undo.push(() => temporal.close());
  const schedules = await recoverSchedules(
    temporal.link,
    plan.copies.map((copy) => ({ facts: factsOf(copy), deleted: copy.deleted })),
    {
      taskQueue: running?.task_queue ?? config.taskQueue,
      activate: options.activate,
      repositoryWins,
      now,
      onProgress: (done, of) => onProgress(`making schedules: ${done} of ${of}`),
    },
  );
  // Somebody else may have taken it over while schedules were made: then they are not to fire.
  await repository.assertOwner(platformId);
  endRecovery(dataDir);
  const ready = running === null ? null : await becomesReady(running, onProgress);
  return { plan, dataDir, epoch, belongings, schedules, running, ready };
}

/** Seconds that an `up` gets to notice that the repository is its own, and to begin. */
const patience = 30;

async function becomesReady(running: RunningPlatform, onProgress: (line: string) => void): Promise<boolean> {
  onProgress('waiting for `up` to begin its work');
  for (const end = performance.now() + patience * 1000; performance.now() < end; ) {
    try {
      const answer = await fetch(`http://127.0.0.1:${running.port}/readyz`, {
        signal: AbortSignal.timeout(5_000),
      });
      await answer.arrayBuffer();
      if (answer.ok) return true;
    } catch {
      // Asked again.
    }
    await sleep(200);
  }
  return false;
}

/** Until the recovery has ended, an `up` on the data directory does no work, although the epoch is its own. */
async function claim(
  repository: Repository,
  plan: RecoveryPlan,
  platformId: string,
  config: Config,
  now: Date,
): Promise<Epoch> {
  const { dataDir } = config;
  const after = plan.owner?.epoch ?? 0;
  recordRecovery(dataDir, {
    repository_id: plan.repositoryId,
    after_epoch: after,
    begun_at: now.toISOString(),
  });
  try {
    return await repository.claimEpoch({ platformId, platform: platformName(config), now, after });
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'conflict') endRecovery(dataDir);
    throw error;
  }
}

function factsOf({ revision, deleted, namespace_id, ...facts }: RecoveryPlan['copies'][number]) {
  return facts;
}

function assertSameRepository(running: RunningPlatform, repository: Repository, dataDir: string): void {
  const { id } = repository.document;
  if (running.repository_id === undefined || running.repository_id === id) return;
  throw new BackupctlError(
    'refused',
    `the \`up\` that runs on ${dataDir} works on another repository (${running.repository_id}) than ${repository.store.location}`,
    { hint: 'name its repository, or another --data-dir' },
  );
}
