import { expect } from 'vitest';
import type { Trial } from './trial.ts';

const rights = /may not|cannot|denied|rights?\b|permission|privilege|GRANT/i;

/** What is said of a URL, of a source, and of who may read it. */
export function accessCases(trial: Trial): void {
  trial.case(
    'url',
    'checks URLs: the normal form stays, a password is refused and not repeated',
    async () => {
      const { facts } = trial.workshop.engine;
      const { url } = (await trial.backedUp('parts')).place.target;
      expect(facts.checkUrl(url)).toBe(url);
      const withPassword = url.replace(/^(\w[\w+.-]*:\/\/)(?:[^@/]*@)?/, '$1somebody:hunter2word@');
      const question = url.includes('?') ? '&' : '?';
      for (const wrong of [
        withPassword,
        `${url}${question}password=hunter2word`,
        `${url}${question}nonsense=hunter2word`,
        `${url}#hunter2word`,
      ]) {
        let said: unknown = 'it was taken';
        try {
          facts.checkUrl(wrong);
        } catch (error) {
          said = error;
        }
        expect(said, wrong).toMatchObject({ code: 'usage' });
        expect(String((said as Error).stack)).not.toContain('hunter2word');
      }
      expect(facts.filesIn(url).every((file) => file.startsWith('/'))).toBe(true);
      const { contains, lacks } = facts.coverage(url, {});
      expect(contains.length * lacks.length).toBeGreaterThan(0);
      for (const line of [...contains, ...lacks]) expect(line).toMatch(/^\S[^\n]*$/);
    },
  );

  trial.case('probe', 'a probe says what there is', async () => {
    const { place } = await trial.backedUp('parts');
    const probe = await trial.workshop.probe(place.target);
    expect(probe.version).toMatch(/\d/);
    expect(probe.databases).toContain(place.name);
    expect(probe.size === null || probe.size > 0).toBe(true);
    trial.assertNoSecret(JSON.stringify(probe));
  });

  trial.case('absent', 'a source that is not there is said to be so, by probe and backup', async () => {
    const target = await trial.running.absent();
    for (const what of [() => trial.workshop.probe(target), () => trial.workshop.backup(target)]) {
      expect((await trial.refusal(what())).code).toMatch(/^(unavailable|not-found)$/);
    }
    expect(await trial.workshop.stray()).toEqual([]);
  });

  trial.case(
    'wrongPassword',
    'a wrong password is refused as one, by probe, backup and restore',
    async () => {
      const { place, backup } = await trial.backedUp('parts');
      const target = trial.running.wrongPassword(place);
      if (target === null) throw new Error('the subject has no wrong password, and no reason for it');
      const to = { ...(await trial.running.destination(place)), target };
      const { workshop } = trial;
      for (const what of [
        () => workshop.probe(target),
        () => workshop.backup(target),
        () => workshop.restore(backup, to),
      ]) {
        expect(await trial.refusal(what())).toMatchObject({ code: 'credentials', retryable: false });
      }
      expect(await workshop.stray()).toEqual([]);
    },
  );

  trial.case(
    'noRights',
    'a user without rights hears so from the probe, and no backup silently lacks what may not be read',
    async () => {
      const { place } = await trial.backedUp('parts');
      const target = await trial.running.noRights(place);
      if (target === null) throw new Error('the subject has no user without rights, and no reason for it');
      const probed = await trial.workshop.probe(target).then(
        ({ warnings }) => warnings.join('\n'),
        (error: Error) => error.message,
      );
      const taken = await trial.workshop.backup(target).then(
        ({ manifest }) => manifest.warnings.join('\n'),
        (error: Error) => error.message,
      );
      for (const words of [probed, taken]) {
        expect(words).toMatch(rights);
        trial.assertNoSecret(words);
      }
      expect(await trial.workshop.stray()).toEqual([]);
    },
  );
}
