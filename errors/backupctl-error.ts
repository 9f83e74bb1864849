/**
 * The kinds of failure that a user can act on. Each maps to one exit code (`cli/exit-codes.ts`) and is the
 * `type` of the Temporal ApplicationFailure that carries it through a workflow.
 */
export type ErrorCode =
  | 'usage' // the words of the command are off
  | 'configuration' // a file or key of the configuration is wrong
  | 'not-found' // what was named does not exist
  | 'ambiguous' // a name stands for several things
  | 'conflict' // it exists already, or something else holds it
  | 'refused' // it could be done, but would lose something or is not allowed
  | 'unavailable' // Temporal, the store or the source did not answer
  | 'credentials' // it answered, and refused who we are or what we may do
  | 'missing-tool' // a program that is needed cannot be had
  | 'no-space' // too little room on a disk
  | 'corrupt' // bytes are not what the manifest says
  | 'unsupported' // a format or version that this program does not know
  | 'failed' // a run ended badly, for a reason in its message
  | 'cancelled'; // a run was cancelled

export interface BackupctlErrorOptions {
  /** What to do about it, as one sentence without a full stop. */
  hint?: string;
  /** What lies underneath; kept for `--debug` and logs, never printed to the user by default. */
  cause?: unknown;
  /** Trying the same again may help (an outage), as opposed to a wrong password. Default: by code. */
  retryable?: boolean;
}

const retryableCodes: ReadonlySet<ErrorCode> = new Set(['unavailable', 'no-space', 'failed']);

/**
 * The one error that users see as a line: what is wrong (message), and what to do (hint).
 * Everything else that is thrown is a bug, and shows its stack.
 * Messages never hold a secret.
 */
export class BackupctlError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: BackupctlErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BackupctlError';
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? retryableCodes.has(code);
  }
}

/** The text of anything that was thrown, on one line. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
