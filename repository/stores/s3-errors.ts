import { BackupctlError, type BackupctlErrorOptions, type ErrorCode } from '../../errors/backupctl-error.ts';
import { ObjectExistsError, ObjectMissingError } from '../store.ts';

/** What the AWS SDK throws, as far as we look at it. */
export interface S3Failure {
  /** S3's error code (`SlowDown`), or an SDK name. For answers to HEAD, which have no body, a guess. */
  name: string;
  message: string;
  /** HTTP status of the answer, where there was one. */
  status: number | undefined;
  /** Node's code of a broken connection (`ECONNRESET`). */
  code: string | undefined;
  /** The SDK has learned the server's clock from this answer, and signs by it from now on. */
  clockCorrected: boolean;
}

const networkCodes: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ERR_SOCKET_CLOSED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
]);

const passingNames: ReadonlySet<string> = new Set([
  'BadDigest',
  'ConditionalRequestConflict',
  'IncompleteBody',
  'InternalError',
  'OperationAborted',
  'RequestTimeTooSkewed',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'ThrottlingException',
  'TimeoutError',
  'UnreadableAnswer',
  'XAmzContentSHA256Mismatch',
]);

/** Credentials that were good and are no more: others may be there by now, where they were found. */
const staleCredentialNames: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidToken',
  'TokenRefreshRequired',
  'XAdminUserNotFound',
]);

const fullNames: ReadonlySet<string> = new Set([
  'InsufficientStorage',
  'QuotaExceeded',
  'XMinioStorageFull',
  'XMinioStorageQuotaExceeded',
]);

const passingStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504, 509, 520, 522, 524]);

/**
 * What an answer is that says success and does not hold what S3 would have said: nothing, the page of a captive portal,
 * a document without its end. Taken at its word it would be an empty list, or an object that was never written.
 */
export class UnreadableAnswer extends Error {
  readonly $metadata: { httpStatusCode?: number };
  constructor(answer: { $metadata: { httpStatusCode?: number | undefined } }) {
    super('the answer is not one of S3, or not all of it');
    this.name = 'UnreadableAnswer';
    const { httpStatusCode } = answer.$metadata;
    this.$metadata = httpStatusCode === undefined ? {} : { httpStatusCode };
  }
}

/** The SDK's own sentence for a body that it cannot parse. */
const UNPARSED = /Deserialization error: to see the raw response/;

/** Reads what was thrown; null for what neither S3, the SDK nor the network can have thrown: a bug, or ours. */
export function s3Failure(thrown: unknown): S3Failure | null {
  if (!(thrown instanceof Error) || thrown instanceof BackupctlError) return null;
  const error = thrown as Error & {
    code?: unknown;
    $metadata?: { httpStatusCode?: number; clockSkewCorrected?: boolean };
  };
  const code = typeof error.code === 'string' ? error.code : undefined;
  const known =
    error.$metadata !== undefined ||
    (code !== undefined && (networkCodes.has(code) || isProtocolCode(code) || isTlsCode(code))) ||
    ['CredentialsProviderError', 'TokenProviderError', 'TimeoutError'].includes(error.name) ||
    error.message === 'Region is missing';
  if (!known) return null;
  const isUnparsed = UNPARSED.test(error.message) && (error.$metadata?.httpStatusCode ?? 0) < 300;
  return {
    name: isUnparsed ? 'UnreadableAnswer' : error.name,
    message: error.message,
    status: error.$metadata?.httpStatusCode,
    code,
    clockCorrected: error.$metadata?.clockSkewCorrected === true,
  };
}

/** Whether the same request may succeed in a moment. */
export function isPassing(failure: S3Failure): boolean {
  if (fullNames.has(failure.name)) return false;
  if (failure.clockCorrected || passingNames.has(failure.name)) return true;
  if (failure.status !== undefined && failure.status >= 300) return passingStatuses.has(failure.status);
  return failure.code !== undefined && (networkCodes.has(failure.code) || isProtocolCode(failure.code));
}

/** Whether other credentials may be had by now, where these were found. */
export function isStaleCredential(failure: S3Failure): boolean {
  return staleCredentialNames.has(failure.name);
}

/**
 * Whether a second try helps or none does: bytes that changed on their way, and a clock that is off, which the SDK
 * sets by the date of each answer.
 */
export function isSoonHopeless(failure: S3Failure): boolean {
  return (
    failure.clockCorrected ||
    ['BadDigest', 'RequestTimeTooSkewed', 'XAmzContentSHA256Mismatch'].includes(failure.name)
  );
}

/** Whether nothing of the server was heard at all. */
export function isUnreachable(failure: S3Failure): boolean {
  return ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'].includes(
    failure.code ?? '',
  );
}

/** Where it went wrong, for the message. Holds no credential. */
export interface S3Place {
  location: string;
  bucket: string;
  /** Host and port, or `AWS`. */
  server: string;
}

/**
 * What a user reads when S3 fails: the only place that maps its errors. What is not S3's passes unchanged.
 *
 * @param doing - such as `write backups/…/manifest.json`
 */
export function s3Error(thrown: unknown, doing: string, place: S3Place): unknown {
  if (thrown instanceof ObjectExistsError || thrown instanceof ObjectMissingError) return thrown;
  const failure = s3Failure(thrown);
  if (failure === null) return thrown;
  const { code, because, ...options } = explain(failure, place);
  return new BackupctlError(code, `cannot ${doing} in ${place.location}: ${because}`, {
    ...options,
    // Not the SDK's error itself, which holds on to the connection, and prints whole requests.
    cause: new Error(`${failure.name}: ${failure.message}`),
  });
}

type Explanation = BackupctlErrorOptions & { code: ErrorCode; because: string };

function explain(failure: S3Failure, place: S3Place): Explanation {
  const named = explainByName(failure, place);
  if (named !== null) return named;
  if (failure.code !== undefined && isTlsCode(failure.code)) {
    return {
      code: 'unavailable',
      because: `the TLS connection to ${place.server} is refused (${failure.code})`,
      hint: 'check the certificate; NODE_EXTRA_CA_CERTS names a file with further authorities',
      retryable: false,
    };
  }
  if (failure.status === 401 || failure.status === 403) {
    return {
      code: 'credentials',
      because: failure.name.startsWith('Unknown') ? 'access denied' : `access denied (${failure.name})`,
      hint: 'the credentials need s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket and s3:AbortMultipartUpload there',
    };
  }
  if (failure.status === 507) return { code: 'no-space', because: 'the store is full' };
  if (failure.status === 501) {
    return { code: 'unsupported', because: `the server cannot do that (${failure.name})` };
  }
  if (failure.status === undefined || failure.status < 300) {
    const reason = failure.code ?? failure.message;
    return {
      code: 'unavailable',
      because: `${place.server} does not answer (${reason})`,
      hint: 'check the endpoint and the network',
    };
  }
  return {
    code: 'unavailable',
    because: `${failure.name}, HTTP status ${failure.status}`,
    retryable: isPassing(failure),
  };
}

function explainByName(failure: S3Failure, place: S3Place): Explanation | null {
  if (fullNames.has(failure.name))
    return { code: 'no-space', because: `the store is full (${failure.name})` };
  switch (failure.name) {
    case 'NoSuchBucket':
      return {
        code: 'not-found',
        because: `there is no bucket ${place.bucket}`,
        hint: 'create the bucket first, or check its name, region and endpoint',
        // `up` does not start without one: a run that misses it has seen it.
        retryable: true,
      };
    case 'InvalidBucketName':
      return { code: 'configuration', because: `${place.bucket} is not a name that a bucket can have` };
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return {
        code: 'credentials',
        because: 'no AWS credentials were found',
        hint: 'set access_key_id and secret_access_key, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
      };
    case 'InvalidAccessKeyId':
    // versitygw's word for it, with HTTP status 404.
    case 'XAdminUserNotFound':
      return { code: 'credentials', because: 'the access key id is unknown', hint: 'check access_key_id' };
    case 'SignatureDoesNotMatch':
      return {
        code: 'credentials',
        because: 'the signature does not match',
        hint: 'check secret_access_key, and that no proxy changes the requests',
      };
    case 'RequestTimeTooSkewed':
    case 'RequestExpired':
    case 'RequestInTheFuture':
      return {
        code: 'credentials',
        because: "this machine's clock is too far from the store's",
        hint: 'set the clock, by NTP at best',
        // Clocks are set, and here the run can wait for it.
        retryable: true,
      };
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'InvalidToken':
    case 'TokenRefreshRequired':
      return {
        code: 'credentials',
        because: 'the session token has expired',
        hint: 'get new credentials',
        // Whoever gives them out is often only late.
        retryable: true,
      };
    case 'UnreadableAnswer':
      return {
        code: 'unavailable',
        because: `${place.server} gave an answer that is none of S3, or only a part of one`,
        hint: 'check the endpoint, and what stands between it and this machine',
      };
    case 'InvalidObjectState':
      return {
        code: 'unavailable',
        because: 'the object is archived (Glacier)',
        hint: 'bring it back with `aws s3api restore-object` first',
        retryable: false,
      };
    case 'BadDigest':
    case 'XAmzContentSHA256Mismatch':
    case 'XAmzContentChecksumMismatch':
      return {
        code: 'corrupt',
        because: `the bytes changed on their way (${failure.name})`,
        hint: 'if this happens again, test the memory and the network of this machine',
      };
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return {
        code: 'configuration',
        because: `bucket ${place.bucket} is in another region`,
        hint: 'set region to the one of the bucket',
      };
    case 'NoSuchUpload':
      return {
        code: 'failed',
        because: 'the upload was ended by somebody else',
        hint: 'check the lifecycle rules of the bucket for aborted multipart uploads',
      };
    case 'KeyTooLongError':
      return { code: 'refused', because: 'the name of the object is too long', hint: 'shorten the prefix' };
    default:
      return failure.message === 'Region is missing'
        ? { code: 'configuration', because: 'no region is known', hint: 'set region, or AWS_REGION' }
        : null;
  }
}

function isProtocolCode(code: string): boolean {
  return code.startsWith('HPE_');
}

function isTlsCode(code: string): boolean {
  return (
    /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_|INVALID_CA)/.test(code) ||
    code === 'EPROTO'
  );
}
