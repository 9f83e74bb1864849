/** Of runs, tasks and actions, as Mistral names them. */
export type State =
  | 'IDLE'
  | 'WAITING'
  | 'RUNNING'
  | 'DELAYED'
  | 'PAUSED'
  | 'SUCCESS'
  | 'CANCELLED'
  | 'ERROR'
  | 'SKIPPED';

const transitions: Readonly<Record<State, readonly State[]>> = {
  IDLE: ['RUNNING', 'ERROR', 'CANCELLED'],
  WAITING: ['RUNNING'],
  RUNNING: ['PAUSED', 'DELAYED', 'SUCCESS', 'ERROR', 'CANCELLED'],
  DELAYED: ['RUNNING', 'ERROR', 'CANCELLED'],
  PAUSED: ['RUNNING', 'ERROR', 'CANCELLED'],
  SUCCESS: [],
  CANCELLED: ['RUNNING'],
  ERROR: ['RUNNING', 'SKIPPED'],
  SKIPPED: [],
};

/** Whether a run may change its state so; a task's policies and force may do more. */
export function mayBecome(from: State, to: State): boolean {
  return from === to || transitions[from].includes(to);
}

export function isCompleted(state: State): boolean {
  return state === 'SUCCESS' || state === 'ERROR' || state === 'CANCELLED' || state === 'SKIPPED';
}

export function isPausedOrCompleted(state: State): boolean {
  return state === 'PAUSED' || isCompleted(state);
}

/** Characters of a reason that Mistral keeps: reasons of sub-workflows hold those of theirs, twice. */
const longestInfo = 65_500;

/** Why something is in its state, cut as Mistral cuts it. */
export function shortInfo(info: string | null): string | null {
  return info === null ? null : cut(info, longestInfo);
}

/** So many characters of a text at most, with three dots where there are more. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const characters = [...text.slice(0, 2 * most + 1)];
  return characters.length <= most ? text : `${characters.slice(0, most).join('')}...`;
}
