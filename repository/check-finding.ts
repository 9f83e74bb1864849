/** Something that a check has to say. */
export interface CheckFinding {
  /** The object that it is about; '' where it is about none. */
  key: string;
  problem: string;
  /** A `note` is as it may be: work that is under way, what the janitor is about to remove. */
  level: 'problem' | 'note';
}

export function problem(key: string, text: string): CheckFinding {
  return { key, problem: text, level: 'problem' };
}
