import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { Gate } from './gate.ts';
import { peakGrowth } from './memory.ts';
import { OwnChildren } from './own-children.ts';
import type { Trial } from './trial.ts';
import { differences, differencesOfPart } from './walks.ts';
import { by } from './workshop.ts';

const execute = promisify(execFile);

/**
 * What one huge object may take of this process, while `huge` has about twice as much: the buffers of an upload, and what
 * the collector has not given back yet.
 */
const memoryLimit = 100 * 1024 * 1024;

/** Whatever a source holds comes back. */
export function contentsCases(trial: Trial): void {
  trial.case('empty', 'an empty source comes back empty', () => trial.comesBack('empty'));

  trial.case('odd', 'odd contents come back the same', () => trial.comesBack('odd'));

  const { many = 10_000 } = trial.subject;
  trial.case('many', `${many} small objects come back, and the index lists them`, async () => {
    const { backup } = await trial.backedUp('many');
    expect((await trial.workshop.contents(backup)).length).toBeGreaterThanOrEqual(many);
    await trial.comesBack('many');
    return many === 10_000 ? undefined : `${many} of them`;
  });

  let measured: Promise<number> | undefined;
  const huge = async () => {
    await trial.comesBack('parts'); // what is loaded once is loaded then
    const place = await trial.running.make('huge');
    try {
      const walk = await trial.running.walk(place);
      return await peakGrowth(async () => {
        const backup = await trial.workshop.backup(place.target);
        await trial.restoredAnew({ place, backup }, async (restored) => {
          expect(differences(walk, await trial.running.walk(restored))).toEqual([]);
        });
      });
    } finally {
      await trial.running.drop(place);
    }
  };
  const growth = () => {
    measured ??= huge();
    return measured;
  };
  trial.case('huge', 'one huge object comes back', async () => void (await growth()));
  trial.case('memory', 'this process does not grow with what passes', async () => {
    const bytes = await growth();
    expect(bytes).toBeLessThan(memoryLimit);
    return `${Math.round(bytes / 1024 / 1024)} MiB more`;
  });

  trial.case('selection', 'a backup of a part holds that part, and says so', async () => {
    const { place, walk } = await trial.backedUp('parts');
    const part = trial.running.part.backup;
    if (part === null) throw new Error('the subject selects nothing, and has no reason for it');
    const backup = await trial.workshop.backup(place.target, part.selection);
    await trial.restoredAnew({ place, backup }, async (restored) => {
      const came = await trial.running.walk(restored);
      expect(differencesOfPart(walk, came, part.holds)).toEqual([]);
      expect(differences(walk, came)).not.toEqual([]);
    });
    const all = trial.workshop.engine.facts.coverage(place.target.url, {});
    expect(trial.workshop.engine.facts.coverage(place.target.url, part.selection)).not.toEqual(all);
  });

  trial.case(
    'include',
    'a restore brings the part that was asked for, and refuses one that is not there',
    async () => {
      const backedUp = await trial.backedUp('parts');
      const part = trial.running.part.restore;
      if (part === null) throw new Error('the subject selects nothing, and has no reason for it');
      await trial.restoredAnew(
        backedUp,
        async (restored) => {
          const came = await trial.running.walk(restored);
          expect(differencesOfPart(backedUp.walk, came, part.holds)).toEqual([]);
          expect(differences(backedUp.walk, came)).not.toEqual([]);
        },
        { include: part.include },
      );
      const to = await trial.running.destination(backedUp.place);
      const include = ['there_is_no_such_thing'];
      const error = await trial.workshop.restore(backedUp.backup, to, { include }).then(
        (restored) => restored.map(({ status, note }) => `${status}: ${note}`).join(),
        (cause: Error) => `failed: ${cause.message}`,
      );
      expect(error).toMatch(/^failed: .*there_is_no_such_thing/s);
      expect(await trial.running.exists(to.place)).toBe(false);
    },
  );

  trial.case('stock', 'the printed commands bring it back with stock tools', async () => {
    const { place, walk, backup } = await trial.freshlyBackedUp('parts');
    const folder = await trial.workshop.exported(backup);
    const commands = trial.workshop.engine.facts.stockRestore(backup.manifest).join('\n');
    expect(commands).not.toMatch(/backupctl/);
    const { env, fills } = await trial.running.stock(place);
    try {
      await execute('bash', ['-c', commands], {
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8', ...env },
      });
      expect(differences(walk, await trial.running.walk(fills))).toEqual([]);
    } finally {
      await trial.running.drop(fills);
    }
  });

  trial.case(
    'secrets',
    'no password is in the process list, the log, the manifest or the index',
    async () => {
      const { place, backup } = await trial.backedUp('bulk');
      const children = await OwnChildren.watch();
      const look = async (gate: Gate, run: Promise<unknown>) => {
        await Promise.race([gate.reached, run]);
        const seen = await children.visible();
        gate.release();
        await run;
        expect(seen.length).toBeGreaterThan(0);
        trial.assertNoSecret(seen);
      };
      const out = new Gate(1_000_000);
      await look(out, trial.workshop.backup(place.target, {}, { through: by(out.stream) }));
      const to = await trial.running.destination(place);
      const back = new Gate(1_000_000);
      await look(back, trial.workshop.restore(backup, to, {}, { through: by(back.stream) }));
      await trial.running.drop(to.place);
      const { manifest, source } = backup;
      trial.assertNoSecret(trial.workshop.lines.join('\n'));
      trial.assertNoSecret(JSON.stringify([manifest, await trial.workshop.contents(backup)]));
      trial.assertNoSecret(trial.workshop.engine.facts.stockRestore(source.manifest).join('\n'));
      expect(trial.running.secrets.every((secret) => secret.length > 7)).toBe(true);
    },
  );
}
