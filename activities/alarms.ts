import type { AlarmKind } from '../config/notify.ts';

export type { AlarmKind };

export interface Alarm {
  kind: AlarmKind;
  /** What it is about: the name of an instance, of a copy, or of a repository. */
  subject: string;
  /** One line, as an execution's output would say it. No secrets. */
  reason: string;
  /** What things with the same cause share, so that they make one message: the code of an error, a location. */
  cause: string;
  executionId: string | null;
  /** The workflow's time, ISO 8601. */
  at: string;
}

/** Where activities put what somebody should hear of. */
export interface Alarms {
  /**
   * Hands an alarm on, durably where Temporal answers. Never throws: an alarm that fails does not fail a backup.
   * @returns false where it was lost: what still holds at the next look is to be raised again then
   */
  raise(alarm: Alarm): Promise<boolean>;
  /** Something of an instance went well: the next failure is told, whatever was told before. Never throws. */
  forgive(subject: string): Promise<void>;
}
