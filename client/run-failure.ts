import { BackupctlError, type ErrorCode, messageOf } from '../errors/backupctl-error.ts';
import { isNotFound } from './grpc-errors.ts';

const codes: Record<ErrorCode, true> = {
  usage: true,
  configuration: true,
  'not-found': true,
  ambiguous: true,
  conflict: true,
  refused: true,
  unavailable: true,
  credentials: true,
  'missing-tool': true,
  'no-space': true,
  corrupt: true,
  unsupported: true,
  failed: true,
  cancelled: true,
};

/** The code that a failure's type, or a fact of an execution, names; `failed` where it is none of ours. */
export function codeOf(type: unknown): ErrorCode {
  return typeof type === 'string' && Object.hasOwn(codes, type) ? (type as ErrorCode) : 'failed';
}

/**
 * Turns what `handle.result()` threw for a workflow that ended badly into our error: the innermost failure has the
 * words, its type is the code, its first detail the hint. What is no failure of a workflow is returned as it is.
 */
export function fromRunFailure(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown.name !== 'WorkflowFailedError') return thrown;
  let innermost: Error = thrown;
  while (innermost.cause instanceof Error) {
    innermost = innermost.cause;
    if (innermost.name === 'ApplicationFailure') break;
  }
  if (innermost.name === 'CancelledFailure') {
    return new BackupctlError('cancelled', 'it was cancelled', { cause: thrown });
  }
  const { type, details } = innermost as Error & { type?: unknown; details?: unknown[] };
  const detail = details?.[0] as { hint?: unknown } | undefined;
  const hint = typeof detail?.hint === 'string' ? { hint: detail.hint } : {};
  return new BackupctlError(codeOf(type), messageOf(innermost), { ...hint, cause: thrown });
}

/** Turns what an update of a run was refused with into our error; what is no such refusal is returned as it is. */
export function fromUpdateFailure(thrown: unknown, what: string): unknown {
  if (isNotFound(thrown)) {
    return new BackupctlError('conflict', `${what} is over already`, { cause: thrown });
  }
  if (!(thrown instanceof Error) || thrown.name !== 'WorkflowUpdateFailedError') return thrown;
  const { type, message } = (thrown.cause ?? thrown) as Error & { type?: unknown };
  // The run ended, or went on in a new history, before it could answer.
  if (type === 'AcceptedUpdateCompletedWorkflow') {
    return new BackupctlError('conflict', `${what} has just ended`, { cause: thrown });
  }
  return new BackupctlError('conflict', `${what}: ${message}`, { cause: thrown });
}
