/** Something that the language counts as a failure of a task or a run, rather than a fault of ours. */
export class RunError extends Error {
  override readonly name = 'RunError';
}
