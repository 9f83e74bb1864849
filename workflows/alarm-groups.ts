import type { Alarm, AlarmKind } from '../activities/alarms.ts';
import type { AlarmMessage, AlarmSignal } from './types.ts';

/** Alarms of one kind and one cause: what becomes one message. */
interface Group {
  kind: AlarmKind;
  cause: string;
  /** What the next message tells: the first few of it, and the names of all. */
  alarms: Alarm[];
  subjects: string[];
  /** When that is sent, milliseconds; null where nothing waits. */
  due: number | null;
  sent: number | null;
  /** Seconds between the last message and the next one: twice as long each time, while it goes on. */
  window: number;
  /** When each thing was told of last, milliseconds. */
  told: Record<string, number>;
  /** Alarms that were taken: an activity that is tried again raises the same one again. */
  seen: string[];
}

/** What continues in the next run of the workflow. */
export interface GroupsState {
  groups: Group[];
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
  readonly #state: GroupsState;

  constructor(state: GroupsState | null) {
    this.#state = state ?? { groups: [], group_window: 30, repeat: 86_400 };
  }

  get state(): GroupsState {
    return this.#state;
  }

  /** @param now milliseconds */
  take({ alarm, group_window, repeat }: AlarmSignal, now: number): void {
    this.#state.group_window = group_window ?? this.#state.group_window;
    this.#state.repeat = repeat ?? this.#state.repeat;
    const group = this.#groupOf(alarm);
    const id = `${alarm.subject}|${alarm.executionId ?? alarm.at}`;
    if (group.seen.includes(id)) return;
    group.seen = [...group.seen, id].slice(-remembered);
    if (alarm.kind === 'recovered') this.forgive([alarm.subject]);
    // A little less than `repeat`: what is raised once a day must not be taken for too early by a second.
    const last = group.told[toldKey(alarm)];
    if (!changes.includes(alarm.kind) && last !== undefined && now - last < this.#state.repeat * 900) return;
    if (group.alarms.length < worded) group.alarms.push(alarm);
    if (!group.subjects.includes(alarm.subject) && group.subjects.length < remembered)
      group.subjects.push(alarm.subject);
    if (Object.keys(group.told).length < remembered) group.told[toldKey(alarm)] = now;
    if (group.due !== null) return;
    const { sent } = group;
    if (sent === null || now - sent > group.window * 2_000) group.window = this.#state.group_window;
    group.due = Math.max(now + this.#state.group_window * 1000, (sent ?? 0) + group.window * 1000);
  }

  /** A good backup was made of them: a failure after it is news. */
  forgive(subjects: readonly string[]): void {
    for (const group of this.#state.groups) {
      if (group.kind !== 'failure') continue;
      for (const key of Object.keys(group.told)) {
        if (subjects.some((subject) => key.startsWith(`${subject}|`))) delete group.told[key];
      }
    }
  }

  /** The messages whose time has come, without their ids. */
  takeDue(now: number): Omit<AlarmMessage, 'id'>[] {
    const messages: Omit<AlarmMessage, 'id'>[] = [];
    for (const group of this.#state.groups) {
      if (group.due === null || group.due > now) continue;
      messages.push({
        kind: group.kind,
        cause: group.cause,
        count: group.subjects.length,
        subjects: group.subjects.slice(0, worded),
        alarms: group.alarms,
        at: new Date(now).toISOString(),
      });
      group.alarms = [];
      group.subjects = [];
      group.due = null;
      group.sent = now;
      group.window = Math.min(Math.max(1, group.window * 2), longestWindow, this.#state.repeat);
    }
    this.#forgetQuiet(now);
    return messages;
  }

  /** When to look again, milliseconds; null where there is nothing left to remember. */
  next(): number | null {
    const { groups, repeat } = this.#state;
    if (groups.length === 0) return null;
    return Math.min(...groups.map(({ due, sent }) => due ?? (sent ?? 0) + repeat * 1000));
  }

  #forgetQuiet(now: number): void {
    const { repeat } = this.#state;
    this.#state.groups = this.#state.groups.filter(
      ({ due, sent }) => due !== null || (sent !== null && now - sent < repeat * 1000),
    );
  }

  #groupOf({ kind, cause }: Alarm): Group {
    const there = this.#state.groups.find((group) => group.kind === kind && group.cause === cause);
    if (there !== undefined) return there;
    const made: Group = {
      kind,
      cause,
      alarms: [],
      subjects: [],
      due: null,
      sent: null,
      window: this.#state.group_window,
      told: {},
      seen: [],
    };
    this.#state.groups.push(made);
    return made;
  }
}

/** What is the same thing for who reads of it: ids and figures in the reason differ from run to run. */
function toldKey({ subject, reason }: Alarm): string {
  const kind = reason.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '#').replace(/\d+/g, '#');
  return `${subject}|${kind.slice(0, 200)}`;
}
