import type { Alarm, AlarmKind } from '../activities/alarms.ts';
import type { AlarmMessage, AlarmSignal } from './types.ts';

/** Alarms of one kind and one cause: what becomes one message. */
interface Group {
  kind: AlarmKind;
  cause: string;
  /** What the next message tells: the first few of it, and the names of all. */
  alarms: Alarm[];
  subjects: Set<string>;
  /** When that is sent, milliseconds; null where nothing waits. */
  due: number | null;
  sent: number | null;
  /** Seconds between the last message and the next one: twice as long each time, while it goes on. */
  window: number;
  /** When each thing was told of last, milliseconds. */
  told: Map<string, number>;
  /** Alarms that were taken: an activity that is tried again raises the same one again. */
  seen: Set<string>;
}

/** The same as plain JSON. */
type GroupState = Omit<Group, 'subjects' | 'told' | 'seen'> & {
  subjects: string[];
  told: [string, number][];
  seen: string[];
};

/** What continues in the next run of the workflow. */
export interface GroupsState {
  groups: GroupState[];
  /** Seconds. */
  group_window: number;
  repeat: number;
}

/** A message tells of so many alarms in words. */
const worded = 20;
/** What is remembered of one group at most: it has to fit into the workflow's own input. */
const remembered = 2_000;
/** Seconds. However long it goes on: what is new in it is told within this. */
const longestWindow = 3_600;

/** These are raised at a change and once only. The others are conditions that may be raised over and over. */
const changes: readonly AlarmKind[] = ['stale', 'recovered'];

/**
 * Puts alarms together so that a store that died makes one message and not one for each schedule: those of one kind and
 * cause that come within the window. As long as more of them keep coming, the next messages are further and further apart
 * (up to an hour). The same thing of the same subject is told again only after `repeat`.
 */
export class AlarmGroups {
  readonly #groups: Group[];
  #groupWindow: number;
  #repeat: number;

  constructor(state: GroupsState | null) {
    this.#groups = (state?.groups ?? []).map(({ subjects, told, seen, ...rest }) => ({
      ...rest,
      subjects: new Set(subjects),
      told: new Map(told),
      seen: new Set(seen),
    }));
    this.#groupWindow = state?.group_window ?? 30;
    this.#repeat = state?.repeat ?? 86_400;
  }

  get state(): GroupsState {
    return {
      groups: this.#groups.map(({ subjects, told, seen, ...rest }) => ({
        ...rest,
        subjects: [...subjects],
        told: [...told],
        seen: [...seen],
      })),
      group_window: this.#groupWindow,
      repeat: this.#repeat,
    };
  }

  /** @param now milliseconds */
  take({ alarm, group_window, repeat }: AlarmSignal, now: number): void {
    this.#groupWindow = group_window ?? this.#groupWindow;
    this.#repeat = repeat ?? this.#repeat;
    const group = this.#groupOf(alarm);
    const id = `${alarm.subject}|${alarm.executionId ?? alarm.at}`;
    if (group.seen.has(id)) return;
    keep(group.seen, id);
    if (alarm.kind === 'recovered') this.#forget([alarm.subject], () => true);
    // A little less than `repeat`: what is raised once a day must not be taken for too early by a second.
    const key = toldKey(alarm);
    const last = group.told.get(key);
    if (!changes.includes(alarm.kind) && last !== undefined && now - last < this.#repeat * 900) return;
    if (group.alarms.length < worded) group.alarms.push(alarm);
    keep(group.subjects, alarm.subject);
    keep(group.told, key, now);
    if (group.due !== null) return;
    const { sent } = group;
    if (sent === null || now - sent > group.window * 2_000) group.window = this.#groupWindow;
    group.due = Math.max(now + this.#groupWindow * 1000, (sent ?? 0) + group.window * 1000);
  }

  /** A good backup was made of them: a failure after it is news. */
  forgive(subjects: readonly string[]): void {
    this.#forget(subjects, ({ kind }) => kind === 'failure');
  }

  #forget(subjects: readonly string[], of: (group: Group) => boolean): void {
    for (const group of this.#groups.filter(of)) {
      for (const key of group.told.keys()) {
        if (subjects.some((subject) => key.startsWith(`${subject}|`))) group.told.delete(key);
      }
    }
  }

  /** The messages whose time has come, without their ids. */
  takeDue(now: number): Omit<AlarmMessage, 'id'>[] {
    const messages: Omit<AlarmMessage, 'id'>[] = [];
    for (const group of this.#groups) {
      if (group.due === null || group.due > now) continue;
      messages.push({
        kind: group.kind,
        cause: group.cause,
        count: group.subjects.size,
        subjects: [...group.subjects].slice(0, worded),
        alarms: group.alarms,
        at: new Date(now).toISOString(),
      });
      group.alarms = [];
      group.subjects = new Set();
      group.due = null;
      group.sent = now;
      group.window = Math.min(Math.max(1, group.window * 2), longestWindow, this.#repeat);
    }
    this.#forgetQuiet(now);
    return messages;
  }

  /** When to look again, milliseconds; null where there is nothing left to remember. */
  next(): number | null {
    if (this.#groups.length === 0) return null;
    return Math.min(...this.#groups.map(({ due, sent }) => due ?? (sent ?? 0) + this.#repeat * 1000));
  }

  #forgetQuiet(now: number): void {
    const isOver = ({ due, sent }: Group) =>
      due === null && (sent === null || now - sent >= this.#repeat * 1000);
    for (const group of this.#groups.filter(isOver)) this.#groups.splice(this.#groups.indexOf(group), 1);
  }

  #groupOf({ kind, cause }: Alarm): Group {
    const there = this.#groups.find((group) => group.kind === kind && group.cause === cause);
    if (there !== undefined) return there;
    const made: Group = {
      kind,
      cause,
      alarms: [],
      subjects: new Set(),
      due: null,
      sent: null,
      window: this.#groupWindow,
      told: new Map(),
      seen: new Set(),
    };
    this.#groups.push(made);
    return made;
  }
}

/** Adds to what is remembered; the oldest goes where there is too much of it. */
function keep<K>(memory: Set<K>, key: K): void;
function keep<K, V>(memory: Map<K, V>, key: K, value: V): void;
function keep(memory: Set<unknown> | Map<unknown, unknown>, key: unknown, value?: unknown): void {
  if (memory instanceof Set) memory.add(key);
  else memory.set(key, value);
  if (memory.size > remembered) memory.delete(memory.keys().next().value);
}

/** What is the same thing for who reads of it: ids and figures in the reason differ from run to run. */
function toldKey({ subject, reason }: Alarm): string {
  const kind = reason.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '#').replace(/\d+/g, '#');
  return `${subject}|${kind.slice(0, 200)}`;
}
