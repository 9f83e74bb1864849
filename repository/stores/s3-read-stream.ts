import { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { ObjectMissingError } from '../store.ts';
import { withTag } from './s3-answers.ts';
import { s3Failure } from './s3-errors.ts';
import type { S3Object } from './s3-multipart.ts';
import type { S3Requests } from './s3-requests.ts';

/** Broken connections in a row without a byte between them, after which the stream fails. */
const MAX_BREAKS = 8;

/** One chunk of the connection at a time: several that wait would be joined, by copying them. */
const CHUNK = 64 * 1024;

/** An answer's body, and what is needed to ask for the rest of it. */
interface OpenBody {
  chunks: AsyncIterator<Buffer>;
  stream: Readable;
  etag: string | undefined;
}

/**
 * The bytes of an object from `start` to `end`. A connection that breaks, or a body that ends early, is followed by
 * another request for the rest of the same version of the object.
 */
export class S3ReadStream extends Readable {
  readonly #requests: S3Requests;
  readonly #object: S3Object;
  readonly #mapped: <T>(doing: string, run: () => Promise<T>) => Promise<T>;
  #body: OpenBody | null;
  #etag: string | undefined;
  #position: number;
  readonly #end: number;
  #breaks = 0;

  private constructor(
    requests: S3Requests,
    object: S3Object,
    mapped: <T>(doing: string, run: () => Promise<T>) => Promise<T>,
    opened: { body: OpenBody | null; start: number; end: number },
  ) {
    super({ highWaterMark: CHUNK });
    this.#requests = requests;
    this.#object = object;
    this.#mapped = mapped;
    this.#body = opened.body;
    this.#etag = opened.body?.etag;
    this.#position = opened.start;
    this.#end = opened.end;
  }

  /**
   * Asks for the object; resolves when its bytes begin to come.
   * @throws ObjectMissingError; BackupctlError `corrupt` where the object is shorter than the range.
   */
  static async open(
    requests: S3Requests,
    object: S3Object,
    range: { start?: number; end?: number },
    mapped: <T>(doing: string, run: () => Promise<T>) => Promise<T>,
  ): Promise<S3ReadStream> {
    const start = range.start ?? 0;
    const tooShort = new BackupctlError(
      'corrupt',
      `object ${object.key} is too short for bytes ${start} to ${range.end ?? 'its end'}`,
    );
    if (start < 0 || (range.end !== undefined && range.end < start)) throw tooShort;
    // No range of HTTP is empty: one byte is asked for, where there is one, and not read.
    const isEmpty = range.end === start;
    const from = isEmpty && start > 0 ? start - 1 : start;
    const isWhole = from === 0 && (range.end === undefined || range.end === 0);
    try {
      const answer = await get(requests, object, {
        Range: isWhole
          ? undefined
          : `bytes=${from}-${range.end === undefined ? '' : Math.max(range.end - 1, from)}`,
      });
      const end = range.end ?? from + answer.length;
      if (isEmpty) answer.body.stream.destroy();
      else if (answer.length !== end - from) {
        answer.body.stream.destroy();
        throw tooShort;
      }
      return new S3ReadStream(requests, object, mapped, { body: isEmpty ? null : answer.body, start, end });
    } catch (error) {
      const failure = s3Failure(error);
      if (failure?.name === 'NoSuchKey') throw new ObjectMissingError(object.key);
      if (failure?.status !== 416) throw error;
      // The end of an object may be asked for, as of a file.
      if (range.end === undefined && start > 0)
        return await S3ReadStream.open(requests, object, { start, end: start }, mapped);
      throw tooShort;
    }
  }

  override _read(): void {
    this.#mapped(`read ${this.#object.key}`, () => this.#next()).then(
      (chunk) => this.push(chunk),
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#dropBody();
    callback(error);
  }

  async #next(): Promise<Buffer | null> {
    while (this.#position < this.#end) {
      if (this.destroyed) return null;
      try {
        this.#body ??= await this.#resume();
        const { done, value } = await this.#body.chunks.next();
        if (done !== true) {
          const chunk = value.subarray(0, this.#end - this.#position);
          this.#position += chunk.byteLength;
          this.#breaks = 0;
          return chunk;
        }
        this.#break(new Error('the answer ended early'));
      } catch (error) {
        if (error instanceof BackupctlError || this.destroyed) throw error;
        this.#break(error);
      }
    }
    this.#dropBody();
    return null;
  }

  /** Whatever the body's stream threw, it is a broken connection; what the request threw was retried already. */
  #break(error: unknown): void {
    const wasReading = this.#body !== null;
    this.#dropBody();
    if (!wasReading) throw error;
    this.#breaks += 1;
    if (this.#breaks < MAX_BREAKS) return;
    throw new BackupctlError(
      'unavailable',
      `the connection broke ${MAX_BREAKS} times at byte ${this.#position} of ${this.#object.key}`,
      { cause: error },
    );
  }

  async #resume(): Promise<OpenBody> {
    try {
      const answer = await get(this.#requests, this.#object, {
        Range: `bytes=${this.#position}-${this.#end - 1}`,
        IfMatch: this.#etag,
      });
      return answer.body;
    } catch (error) {
      const failure = s3Failure(error);
      if (failure?.name === 'NoSuchKey' || failure?.status === 412) {
        throw new BackupctlError('not-found', `object ${this.#object.key} was removed while it was read`, {
          cause: error,
        });
      }
      throw error;
    }
  }

  #dropBody(): void {
    const body = this.#body;
    this.#body = null;
    body?.stream.destroy();
  }
}

async function get(
  requests: S3Requests,
  object: S3Object,
  conditions: { Range?: string | undefined; IfMatch?: string | undefined },
): Promise<{ body: OpenBody; length: number }> {
  const answer = await requests.send(async (send, abortSignal) => {
    const command = new GetObjectCommand({ Bucket: object.Bucket, Key: object.Key, ...conditions });
    const given = await send(command, { abortSignal });
    // A body that nobody reads would keep its connection.
    if (given.ETag === undefined && given.Body instanceof Readable) given.Body.destroy();
    return withTag(given);
  });
  const stream = answer.Body;
  if (!(stream instanceof Readable) || answer.ContentLength === undefined) {
    throw new BackupctlError('unsupported', `the S3 server does not say how long ${object.key} is`);
  }
  // A connection may break while nobody reads; whoever reads next finds out.
  stream.on('error', () => {});
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  return { body: { chunks, stream, etag: answer.ETag }, length: answer.ContentLength };
}
