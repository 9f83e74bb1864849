import { v7 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { planRetention, type RetentionFact } from '../../repository/retention.ts';
import { generator } from '../fixtures/random.ts';

const ours = 'ours';
const begun = Date.parse('2026-03-04T05:06:07Z');

function fact(at: number, changes: Partial<RetentionFact> = {}): RetentionFact {
  return {
    id: v7({ msecs: begun + at * 60_000 }),
    scheduleId: ours,
    parentId: null,
    good: true,
    tombstoned: false,
    heldBecause: null,
    ...changes,
  };
}

const plan = (facts: RetentionFact[], keepLast: number, madeId = facts.at(-1)?.id ?? '') =>
  planRetention(facts, { keepLast }, { scheduleId: ours, madeId, at: new Date(begun) });

describe('the rule of the newest N', () => {
  test('removes what is older than the newest N good backups of the schedule, and nothing else', () => {
    const [a, b, c, d] = [fact(1), fact(2), fact(3), fact(4)];
    expect(plan([a, b, c, d], 2)).toEqual({ remove: [b.id, a.id], held: [], wanted: 2 });
    expect(plan([a, b, c, d], 4).remove).toEqual([]);
    expect(plan([a, b, c, d], 10_000).remove).toEqual([]);
  });

  test('does not count what is broken, not yet in enough repositories, or being deleted', () => {
    const [a, b, c, d] = [fact(1), fact(2), fact(3, { good: false }), fact(4, { tombstoned: true })];
    const made = fact(5);
    expect(plan([a, b, c, d, made], 2).remove).toEqual([a.id]);
    expect(plan([a, b, c, d, made], 3).remove).toEqual([]);
  });

  test('removes nothing while there are fewer good ones than it wants', () => {
    const facts = [fact(1, { good: false }), fact(2, { good: false }), fact(3)];
    expect(plan(facts, 2).remove).toEqual([]);
  });

  test('lets what a clock days ahead has made take the place of no other', () => {
    const ahead = [fact(2 * 1440), fact(2 * 1440 + 1)];
    const [a, b, c] = [fact(-3), fact(-2), fact(-1)];
    expect(plan([a, b, c, ...ahead], 2, c.id).remove).toEqual([a.id]);
  });

  test('leaves what other schedules and people made', () => {
    const [theirs, byHand] = [fact(1, { scheduleId: 'theirs' }), fact(2, { scheduleId: null })];
    expect(plan([theirs, byHand, fact(3), fact(4)], 1).remove).toHaveLength(1);
  });

  test('says what it keeps beyond its number, and why', () => {
    const pinned = fact(1, { heldBecause: 'it is in use by restore/1' });
    const parent = fact(2);
    const child = fact(3, { parentId: parent.id, scheduleId: null });
    const found = plan([pinned, parent, child, fact(4)], 1);
    expect(found.remove).toEqual([]);
    expect(found.held).toEqual([
      { id: parent.id, reason: `backup ${child.id} is built on it` },
      { id: pinned.id, reason: 'it is in use by restore/1' },
    ]);
  });

  test('keeps a whole chain for the increment at its end that stays', () => {
    const full = fact(1);
    const first = fact(2, { parentId: full.id });
    const second = fact(3, { parentId: first.id });
    expect(plan([full, first, second], 1).remove).toEqual([]);
    const next = fact(4);
    expect(plan([full, first, second, next], 1).remove).toEqual([second.id, first.id, full.id]);
  });

  test('never takes the backup that was just made, though a clock made it look the oldest', () => {
    const made = fact(-1440);
    expect(plan([made, fact(1), fact(2)], 1, made.id).remove).toHaveLength(1);
    expect(plan([made, fact(1), fact(2)], 1, made.id).remove).not.toContain(made.id);
  });

  test('refuses a number below one, which would remove the last backup', () => {
    for (const keepLast of [0, -1, 0.5, Number.NaN]) {
      expect(() => plan([fact(1)], keepLast), String(keepLast)).toThrow(RangeError);
    }
  });

  test('holds its promises on random instances of backups, chains, holds and damage', () => {
    for (let seed = 1; seed <= 500; seed += 1) {
      const random = generator(seed);
      const chance = (of: number) => random() < of;
      const facts: RetentionFact[] = [];
      for (let at = 0; at < 1 + random() * 20; at += 1) {
        const before = facts[Math.floor(random() * facts.length)];
        facts.push(
          fact(chance(0.1) ? -at : at, {
            scheduleId: chance(0.7) ? ours : chance(0.5) ? 'theirs' : null,
            parentId: before !== undefined && chance(0.4) ? before.id : null,
            good: chance(0.8),
            tombstoned: chance(0.15),
            heldBecause: chance(0.1) ? 'held' : null,
          }),
        );
      }
      const keepLast = 1 + Math.floor(random() * 4);
      const madeId = facts[Math.floor(random() * facts.length)]?.id ?? '';
      const shuffled = [...facts].sort(() => random() - 0.5);
      const { remove, held } = plan(shuffled, keepLast, madeId);
      const gone = new Set(remove);
      const of = (id: string) => facts.find((found) => found.id === id) as RetentionFact;
      const note = `seed ${seed}`;

      const goodBefore = facts.filter((f) => f.scheduleId === ours && f.good && !f.tombstoned);
      const goodAfter = goodBefore.filter(({ id }) => !gone.has(id));
      expect(goodAfter.length, note).toBeGreaterThanOrEqual(Math.min(keepLast, goodBefore.length));
      const newest = goodBefore
        .map(({ id }) => id)
        .sort()
        .slice(-keepLast);
      for (const id of newest) expect(gone.has(id), note).toBe(false);
      for (const id of remove) {
        expect(of(id), note).toMatchObject({ scheduleId: ours, tombstoned: false, heldBecause: null });
        expect(id, note).not.toBe(madeId);
        expect(id < (newest[0] ?? ''), note).toBe(true);
      }
      // Whatever stays has all that it is built on, unless that had gone before.
      for (const f of facts) {
        if (!gone.has(f.id) && !f.tombstoned && f.parentId) expect(gone.has(f.parentId), note).toBe(false);
        const child = remove.indexOf(f.id);
        if (child >= 0 && f.parentId && gone.has(f.parentId)) {
          expect(child, note).toBeLessThan(remove.indexOf(f.parentId));
        }
      }
      // Nothing is left over in silence: what is beyond the number either goes or is named.
      if (newest.length === keepLast) {
        const beyond = facts.filter(
          (f) => f.scheduleId === ours && !f.tombstoned && f.id < (newest[0] ?? '') && f.id !== madeId,
        );
        expect([...remove, ...held.map(({ id }) => id)].sort(), note).toEqual(
          beyond.map(({ id }) => id).sort(),
        );
      }
      // Done again at once, it finds nothing more.
      const after = facts.map((f) => (gone.has(f.id) ? { ...f, tombstoned: true } : f));
      expect(plan(after, keepLast, madeId).remove, note).toEqual([]);
      // A rule that wants more never removes what one that wants less leaves.
      for (const id of plan(facts, keepLast + 1, madeId).remove) expect(gone.has(id), note).toBe(true);
    }
  });
});
