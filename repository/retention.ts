/**
 * What a rule of retention takes and what it leaves, decided from facts alone: nothing here reads or writes. A rule
 * says which of the good backups it wants; what no rule wants is removed, unless something else holds it. So further
 * rules (daily, weekly, monthly ones) are further members of {@link RetentionRules}, and more of them never remove more.
 */

/** A backup of an instance, as far as a decision about it needs to know it. */
export interface RetentionFact {
  /** A UUIDv7: ids sort by when the runs began. */
  id: string;
  scheduleId: string | null;
  parentId: string | null;
  /** COMPLETED: whole as far as anybody knows, and in as many repositories as it has to be. */
  good: boolean;
  /** Its deletion has begun: it counts for nothing. */
  tombstoned: boolean;
  /** Why it has to stay whatever a rule says (pinned, held, locked by its store), in words; null where nothing does. */
  heldBecause: string | null;
}

/** At least one has to want each backup that stays. */
export interface RetentionRules {
  /** The newest good ones, 1 or more. */
  keepLast: number;
}

export interface RetentionScope {
  scheduleId: string;
  /** The backup that has just been made: it stays, also where a clock that was set back makes it look old. */
  madeId: string;
  /** Now: what claims to be of a later day was made by a clock that ran ahead, and takes the place of no other. */
  at: Date;
}

/** Milliseconds by which clocks may differ. */
const clocksDiffer = 3_600_000;

export interface Kept {
  id: string;
  reason: string;
}

export interface RetentionPlan {
  /** What to tombstone, each before what it is built on. */
  remove: string[];
  /** What no rule wants and stays all the same, and why, newest first. */
  held: Kept[];
  /** How many good backups of the schedule stay because a rule wants them. */
  wanted: number;
}

/** Bounds of `keepLast`. */
export const keepLastRange = { min: 1, max: 10_000 } as const;

/**
 * Plans what a schedule's retention removes now. Only its own backups are ever removed, and only such as are older
 * than as many good ones as the rules want; never the backup that was just made, one that has to stay, or one that a
 * backup which stays is built on.
 * @param facts all backups of the instance, in any order, also those of other schedules and those made by hand
 */
export function planRetention(
  facts: readonly RetentionFact[],
  rules: RetentionRules,
  { scheduleId, madeId, at }: RetentionScope,
): RetentionPlan {
  if (!Number.isSafeInteger(rules.keepLast) || rules.keepLast < keepLastRange.min) {
    throw new RangeError(`keepLast is ${rules.keepLast}`);
  }
  const live = facts.filter(({ tombstoned }) => !tombstoned).sort(newestFirst);
  const ours = live.filter((fact) => fact.scheduleId === scheduleId);
  const good = ours.filter((fact) => fact.good && begunAt(fact.id) <= at.getTime() + clocksDiffer);
  const wanted = new Set(good.slice(0, rules.keepLast).map(({ id }) => id));
  const oldest = good[rules.keepLast - 1];
  // Fewer good ones than are wanted: whatever is there may be all that there is.
  if (oldest === undefined) return { remove: [], held: [], wanted: wanted.size };

  const candidates = ours.filter(({ id }) => id < oldest.id && id !== madeId);
  const held = new Map(candidates.flatMap(({ id, heldBecause }) => (heldBecause ? [[id, heldBecause]] : [])));
  const leaving = new Set(candidates.map(({ id }) => id).filter((id) => !held.has(id)));
  keepParents(live, leaving, held);
  return {
    remove: childrenFirst(live.filter(({ id }) => leaving.has(id))),
    held: candidates.flatMap(({ id }) => {
      const reason = held.get(id);
      return reason === undefined ? [] : [{ id, reason }];
    }),
    wanted: wanted.size,
  };
}

/** When a UUIDv7 says that it was made, in milliseconds. */
function begunAt(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}

/** What stays keeps what it is built on, and that its own parent in turn. */
function keepParents(live: readonly RetentionFact[], leaving: Set<string>, held: Map<string, string>): void {
  const byId = new Map(live.map((fact) => [fact.id, fact]));
  for (const fact of live) {
    if (leaving.has(fact.id)) continue;
    let child = fact;
    while (child.parentId !== null && leaving.delete(child.parentId)) {
      held.set(child.parentId, `backup ${child.id} is built on it`);
      const parent = byId.get(child.parentId);
      if (parent === undefined) break;
      child = parent;
    }
  }
}

/** Newest first, but a child before its parent also where clocks made the parent the newer one. */
function childrenFirst(facts: readonly RetentionFact[]): string[] {
  const byId = new Map(facts.map((fact) => [fact.id, fact]));
  const children = new Map<string, RetentionFact[]>();
  for (const fact of facts) {
    if (fact.parentId === null || !byId.has(fact.parentId)) continue;
    children.set(fact.parentId, [...(children.get(fact.parentId) ?? []), fact]);
  }
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (fact: RetentionFact): void => {
    if (seen.has(fact.id)) return;
    seen.add(fact.id);
    for (const child of children.get(fact.id) ?? []) visit(child);
    order.push(fact.id);
  };
  for (const fact of facts) visit(fact);
  return order;
}

function newestFirst(a: RetentionFact, b: RetentionFact): number {
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}
