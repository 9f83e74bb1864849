import { randomInt, randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { BackupctlError } from '../../../errors/backupctl-error.ts';
import { startSmallDisk } from '../../servers/small-disk.ts';
import { Gate } from './gate.ts';
import { type OwnChild, OwnChildren } from './own-children.ts';
import { over } from './restore-cases.ts';
import type { Trial } from './trial.ts';
import { differences } from './walks.ts';
import { by, type RunOptions } from './workshop.ts';

/** A place in the first third of the 12 MB that `bulk` has, beyond what pipes hold: by then every program runs, and none has its last byte. */
const somewhere = () => randomInt(1_000_000, 4_000_000);

/** Sends a signal to a program that may have ended by itself. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended: so much the better.
  }
}

/** What is met half-way, is ended half-way, and leaves nothing. */
export function faultCases(trial: Trial): void {
  /** Runs `work`, does something to it once its data have come so far, and answers what became of it. */
  const met = async (
    work: (options: RunOptions) => Promise<unknown>,
    strike: (children: OwnChild[], abort: AbortController) => void,
    options: RunOptions = {},
  ): Promise<{ said: string; children: OwnChild[]; error: unknown }> => {
    const watch = await OwnChildren.watch();
    const gate = new Gate(somewhere());
    const abort = new AbortController();
    const ended = work({ ...options, signal: abort.signal, through: by(gate.stream) }).then(
      (result) => ({ result, error: null }),
      (error: unknown) => ({ result: null, error }),
    );
    const early = await Promise.race([gate.reached, ended]);
    expect(early, 'it ended before it could be met').toBeUndefined();
    const children = await watch.started();
    strike(children, abort);
    gate.release();
    const { result, error } = await ended;
    for (const { pid } of children) send(pid, 'SIGCONT');
    await trial.assertNothingIsLeft(watch);
    const failed = Array.isArray(result) && result.every(({ status }) => status === 'failed');
    const words = error instanceof Error ? error.message : JSON.stringify(result);
    trial.assertNoSecret(words);
    return { said: `${error !== null || failed ? 'failed' : 'SUCCEEDED'}: ${words}`, children, error };
  };
  /** Over the source itself, so that there is something to be left untouched. */
  const restoring = async () => {
    const { place, backup, walk } = await trial.backedUp('bulk');
    const work = (options: RunOptions) =>
      trial.workshop.restore(backup, over(place), { overwrite: true, restoreId: randomUUID() }, options);
    const untouched = async () => {
      expect(differences(walk, await trial.running.walk(place))).toEqual([]);
    };
    return { work, untouched };
  };
  const backingUp = async () => {
    const { place } = await trial.backedUp('bulk');
    return (options: RunOptions) => trial.workshop.backup(place.target, {}, options);
  };
  /** One run for each program that there is. @returns their names */
  const killEach = async (work: (options: RunOptions) => Promise<unknown>): Promise<string[]> => {
    const names: string[] = [];
    for (let n = 0, most = 1; n < most; n += 1) {
      const { said, children } = await met(work, (found) => send(found[n]?.pid ?? -1, 'SIGKILL'));
      names.push(children[n]?.name ?? '');
      expect(said, `after the end of ${names.at(-1)}`).toMatch(/^failed: /);
      most = children.length;
    }
    return names;
  };

  trial.case('killDump', 'a backup whose programs are killed, one after the other, is none', async () => {
    expect(await killEach(await backingUp())).toContain('zstd');
  });

  trial.case('killRestore', 'a restore whose programs are killed leaves its target as it was', async () => {
    const { work, untouched } = await restoring();
    expect(await killEach(work)).toContain('zstd');
    await untouched();
  });

  trial.case(
    'lostWorker',
    'what a lost worker has left of a restore is cleared up by its execution',
    async () => {
      const { place, backup, walk } = await trial.backedUp('bulk');
      const watch = await OwnChildren.watch();
      const executionId = randomUUID();
      const request = { overwrite: true, restoreId: randomUUID() };
      const after = somewhere();
      await trial.workshop.loseWorker(backup, over(place), request, { executionId, after });
      // It could not clear up; and nobody takes away what may be another's that still works.
      await trial.workshop.cleanUp(place.target, randomUUID());
      expect(await trial.running.leftovers()).not.toEqual([]);
      await trial.workshop.cleanUp(place.target, executionId);
      await trial.assertNothingIsLeft(watch);
      expect(differences(walk, await trial.running.walk(place))).toEqual([]);
      // And the next attempt is not held up by it.
      const again = await trial.workshop.restore(backup, over(place), { ...request, dropOld: true });
      expect(again).toMatchObject([{ status: 'restored' }]);
    },
  );

  const cancelled = (_children: OwnChild[], abort: AbortController) =>
    abort.abort(new BackupctlError('cancelled', 'somebody cancelled it'));

  trial.case('cancelDump', 'a backup that is cancelled half-way leaves nothing', async () => {
    const { error } = await met(await backingUp(), cancelled);
    expect(error).toMatchObject({ code: 'cancelled' });
  });

  trial.case(
    'cancelRestore',
    'a restore that is cancelled half-way leaves its target as it was',
    async () => {
      const { work, untouched } = await restoring();
      const { error } = await met(work, cancelled);
      expect(error).toMatchObject({ code: 'cancelled' });
      await untouched();
    },
  );

  const stop = (children: OwnChild[]) => {
    for (const { pid } of children) send(pid, 'SIGSTOP');
  };

  trial.case('hangDump', 'a backup whose programs hang ends when it is given up', async () => {
    const { error } = await met(await backingUp(), (children, abort) => {
      stop(children);
      // As the activity does when no byte has moved for the stall limit.
      abort.abort(new BackupctlError('unavailable', 'no byte moved for 1 s'));
    });
    expect(error).toMatchObject({ code: 'unavailable', retryable: true });
  });

  trial.case(
    'hangRestore',
    'a restore whose programs hang is given up after the stall limit, to be tried again',
    async () => {
      const { work, untouched } = await restoring();
      const { error } = await met(work, stop, { stallSeconds: 1 });
      expect(error).toMatchObject({ code: 'unavailable', retryable: true });
      await untouched();
    },
  );

  trial.case(
    'fullDisk',
    'a target that has no more room says so, and holds nothing half-filled',
    async () => {
      const { place, walk, backup } = await trial.backedUp('bulk');
      const disk = await startSmallDisk(trial.running.diskBytes);
      try {
        const small = await trial.running.onDisk(disk.directory, place);
        if (small === null) throw new Error('the subject has no target on a disk, and no reason for it');
        try {
          await disk.fill(small.room);
          const watch = await OwnChildren.watch();
          const said = await trial.workshop.restore(backup, small.destination).then(
            (restored) => restored.map(({ status, note }) => `${status}: ${note}`).join(),
            (error: Error) => `failed: ${error.message}`,
          );
          expect(said).toMatch(/^failed: .*(no space left|disk( is)? full|no room)/is);
          await trial.assertNothingIsLeft(watch);
          await disk.drain();
          expect(await trial.workshop.restore(backup, small.destination)).toMatchObject([
            { status: 'restored' },
          ]);
          expect(differences(walk, await small.walk())).toEqual([]);
        } finally {
          await small.stop();
        }
      } finally {
        await disk.stop();
      }
    },
  );
}
