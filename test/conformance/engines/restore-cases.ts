import { randomUUID } from 'node:crypto';
import { Transform } from 'node:stream';
import { expect } from 'vitest';
import { BackupctlError } from '../../../errors/backupctl-error.ts';
import type { Destination, Place } from './subject.ts';
import type { Trial } from './trial.ts';
import { differences } from './walks.ts';
import { by } from './workshop.ts';

/** To where it was. */
export const over = (place: Place): Destination => ({ target: place.target, request: {}, place });

/** What a restore does to a target that is there already, and what it does when it is told twice or lied to. */
export function restoreCases(trial: Trial): void {
  trial.case('refusal', 'a full target is refused, by the plan too, and left as it is', async () => {
    const { place, walk, backup } = await trial.freshlyBackedUp('parts');
    try {
      await trial.running.change(place);
      const changed = await trial.running.walk(place);
      expect(differences(walk, changed)).not.toEqual([]);
      expect((await trial.workshop.plan(backup, over(place))).steps).toMatchObject([{ action: 'refuse' }]);
      expect(await trial.refusal(trial.workshop.restore(backup, over(place)))).toMatchObject({
        code: 'refused',
        retryable: false,
      });
      expect(differences(changed, await trial.running.walk(place))).toEqual([]);
      expect(await trial.running.leftovers()).toEqual([]);
    } finally {
      await trial.running.drop(place);
    }
  });

  trial.case('overwrite', 'with overwrite it is swapped, and the old one kept until the end', async () => {
    const { place, walk, backup } = await trial.freshlyBackedUp('parts');
    const { workshop, running } = trial;
    try {
      await running.change(place);
      expect((await workshop.plan(backup, over(place), { overwrite: true })).steps).toMatchObject([
        { action: 'swap' },
      ]);
      const restoreId = randomUUID();
      const restored = await workshop.restore(backup, over(place), { overwrite: true, restoreId });
      expect(restored).toMatchObject([{ status: 'restored', kept_as: expect.stringMatching(/./) }]);
      expect(differences(walk, await running.walk(place))).toEqual([]);
      expect(await running.leftovers()).toHaveLength(1);
      // What another restore kept is not taken away by mistake.
      await workshop.finish(place.target, randomUUID(), []);
      expect(await running.leftovers()).toHaveLength(1);
      expect(await workshop.finish(place.target, restoreId, restored)).not.toEqual([]);
      expect(await running.leftovers()).toEqual([]);
      await workshop.finish(place.target, restoreId, restored);

      await running.change(place);
      const again = await workshop.restore(backup, over(place), { overwrite: true, dropOld: true });
      expect(again).toMatchObject([{ status: 'restored', kept_as: null }]);
      expect(differences(walk, await running.walk(place))).toEqual([]);
      expect(await running.leftovers()).toEqual([]);
    } finally {
      await running.drop(place);
    }
  });

  trial.case(
    'retry',
    'a retry whose first attempt was lost does nothing to what was written since',
    async () => {
      const { place, backup } = await trial.freshlyBackedUp('parts');
      const { workshop, running } = trial;
      try {
        for (const overwrite of [false, true]) {
          const restoreId = randomUUID();
          const to = overwrite ? over(place) : await running.destination(place);
          const request = { overwrite, restoreId };
          const first = await workshop.restore(backup, to, request, { keepMarks: true });
          await running.change(to.place);
          const changed = await running.walk(to.place);
          const second = await workshop.restore(backup, to, request, { keepMarks: true });
          expect(second).toMatchObject([{ status: 'restored', kept_as: first[0]?.kept_as ?? null }]);
          expect(differences(changed, await running.walk(to.place))).toEqual([]);
          await workshop.forget(to.target, restoreId);
          await workshop.forget(to.target, restoreId);
          await workshop.finish(to.target, restoreId, second);
          if (!overwrite) await running.drop(to.place);
          expect(await running.leftovers()).toEqual([]);
          // Without the marks it is an ordinary restore again, over something that is there.
          if (overwrite) expect(await trial.refusal(workshop.restore(backup, over(place)))).toBeDefined();
        }
      } finally {
        await running.drop(place);
      }
    },
  );

  trial.case(
    'brokenStream',
    'a stream that breaks at its end, or is cut, brings nothing under its name',
    async () => {
      const { place, walk, backup } = await trial.freshlyBackedUp('bulk');
      const { workshop, running } = trial;
      const breaking = () =>
        new Transform({
          transform: (piece: Buffer, _encoding, done) => done(null, piece),
          flush: (done) => done(new BackupctlError('corrupt', 'segment 7 is not what the manifest says')),
        });
      const cutting = () => {
        let passed = 0;
        return new Transform({
          transform(piece: Buffer, _encoding, done) {
            passed += piece.length;
            done(null, passed < 1_000_000 ? piece : Buffer.alloc(0));
          },
        });
      };
      try {
        for (const broken of [breaking, cutting]) {
          for (const to of [over(place), await running.destination(place)]) {
            const request = { overwrite: to.place === place };
            const said = await workshop.restore(backup, to, request, { through: by(broken()) }).then(
              (restored) => restored.map(({ status, note }) => `${status}: ${note}`).join(),
              (error: Error) => `failed: ${error.message}`,
            );
            expect(said).toMatch(broken === breaking ? /^failed: .*segment 7 is not/ : /^failed: /);
            if (to.place !== place) expect(await running.exists(to.place)).toBe(false);
          }
          expect(differences(walk, await running.walk(place))).toEqual([]);
          expect(await running.leftovers()).toEqual([]);
        }
      } finally {
        await running.drop(place);
      }
    },
  );
}
