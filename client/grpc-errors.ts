import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';

/** The gRPC status codes that mean something here (https://grpc.io/docs/guides/status-codes/). */
const status = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

interface Underlying {
  code: number | undefined;
  details: string;
  names: string[];
}

/** The gRPC status below whatever Temporal's client threw: it wraps some errors, and not others. */
function underlying(thrown: unknown): Underlying {
  const names: string[] = [];
  let details = '';
  for (let at: unknown = thrown; at instanceof Error; at = at.cause) {
    names.push(at.name);
    const candidate = at as Error & { code?: unknown; details?: unknown };
    details =
      typeof candidate.details === 'string' && candidate.details !== '' ? candidate.details : messageOf(at);
    if (typeof candidate.code === 'number') return { code: candidate.code, details, names };
  }
  return { code: undefined, details, names };
}

/** Whether Temporal said that there are too many of something already. */
export function isOverloaded(thrown: unknown): boolean {
  return underlying(thrown).code === status.resourceExhausted;
}

/** Whether Temporal said that what was named does not exist. */
export function isNotFound(thrown: unknown): boolean {
  const { code, names } = underlying(thrown);
  return (
    code === status.notFound ||
    names.includes('WorkflowNotFoundError') ||
    names.includes('ScheduleNotFoundError')
  );
}

/** Whether Temporal said that it exists already. */
export function isAlreadyThere(thrown: unknown): boolean {
  const { code, names } = underlying(thrown);
  return (
    code === status.alreadyExists ||
    names.includes('ScheduleAlreadyRunning') ||
    names.includes('WorkflowExecutionAlreadyStartedError')
  );
}

/** Whether it was this process that ended the call (an aborted signal). */
export function isAborted(thrown: unknown): boolean {
  const { code, names } = underlying(thrown);
  return code === status.cancelled || names.includes('AbortError');
}

/**
 * Says in words that a user can act on what Temporal, or the way to it, answered. BackupctlErrors pass as they are;
 * so does what is not a gRPC error, which is a bug.
 *
 * @param where address of the server, for the message
 */
export function fromGrpc(thrown: unknown, where: string): unknown {
  if (thrown instanceof BackupctlError) return thrown;
  const { code, details, names } = underlying(thrown);
  if (names.includes('NamespaceNotFoundError')) {
    return new BackupctlError('configuration', `Temporal at ${where} has no such namespace: ${details}`, {
      hint: 'set TEMPORAL_NAMESPACE, or create it with `temporal operator namespace create`',
      cause: thrown,
    });
  }
  if (isAlreadyThere(thrown)) {
    return new BackupctlError('conflict', 'the same is under way already', {
      hint: 'wait for its end, and look at what it did',
      cause: thrown,
    });
  }
  switch (code) {
    case status.unavailable:
    case status.deadlineExceeded:
      return noAnswer(where, thrown);
    case status.unauthenticated:
    case status.permissionDenied:
      return new BackupctlError('credentials', `Temporal at ${where} refused us: ${details}`, {
        hint: 'check TEMPORAL_API_KEY, the TLS certificates and the namespace of the profile',
        cause: thrown,
      });
    case status.resourceExhausted:
      return new BackupctlError('unavailable', `Temporal at ${where} is overloaded: ${details}`, {
        hint: 'try again in a minute',
        cause: thrown,
      });
    case status.unimplemented:
      return new BackupctlError('unsupported', `Temporal at ${where} is too old: ${details}`, {
        hint: 'use server 1.29 or newer',
        cause: thrown,
      });
    case status.notFound:
      return new BackupctlError('not-found', details, { cause: thrown });
    case status.invalidArgument:
      if (/is not a valid search attribute/.test(details)) return noSearchAttributes(where, details, thrown);
      return new BackupctlError('usage', `Temporal refused the request: ${details}`, { cause: thrown });
    case status.failedPrecondition:
      return new BackupctlError('conflict', `Temporal refused the request: ${details}`, {
        hint: 'look at what it is now, and try again',
        cause: thrown,
      });
    default:
      return thrown;
  }
}

function noSearchAttributes(where: string, details: string, cause: unknown): BackupctlError {
  return new BackupctlError('configuration', `Temporal at ${where} lacks our search attributes: ${details}`, {
    hint: 'start a worker there once, or register BackupctlExecution, BackupctlInstance, BackupctlSchedule, BackupctlBackup and BackupctlKind as Keyword with `temporal operator search-attribute create`',
    cause,
  });
}

/** The one error for a server that cannot be reached. */
export function noAnswer(where: string, cause: unknown, hint?: string): BackupctlError {
  return new BackupctlError('unavailable', `Temporal at ${where} does not answer`, {
    hint: hint ?? 'start the platform with `backupctl up`, or set TEMPORAL_ADDRESS',
    cause,
  });
}
