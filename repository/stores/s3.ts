import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { checkKey, checkPrefix } from '../key.ts';
import {
  type MultipartWriter,
  ObjectExistsError,
  type Store,
  type StoredObject,
  type StoreProtection,
  type UnfinishedWrite,
} from '../store.ts';
import type { StoreObserver } from './observer.ts';
import type { ResolvedStore } from './resolved-store.ts';
import { complete, withTag } from './s3-answers.ts';
import { type S3Place, s3Error, s3Failure } from './s3-errors.ts';
import { abortUpload, encodeCrc32, S3MultipartWriter, type S3Object, versionOf } from './s3-multipart.ts';
import { S3Protection } from './s3-protection.ts';
import { S3ReadStream } from './s3-read-stream.ts';
import { dateOf, S3Requests, type S3Timeouts } from './s3-requests.ts';

type UploadsMarker = Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'>;

/**
 * Objects in an S3 bucket, which must exist. Every write carries `If-None-Match: *`.
 *
 * - Objects of the bucket whose names no key can have (`folder/` of the console, foreign files) are passed over.
 * - In a bucket with versions, `list` knows no version ids (`null`); `stat` and what writes return them. `delete` with
 *   a version id removes that version; without one it hides the object and then removes its versions, as far as the
 *   bucket's policy lets it.
 */
export class S3Store implements Store {
  readonly location: string;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #place: S3Place;
  readonly #requests: S3Requests;
  readonly #protection: S3Protection;
  readonly #config: Extract<ResolvedStore, { type: 's3' }>;
  #bucketSeen = false;
  #isSuperseding = false;

  /** @param options.timeouts - shorter ones are for tests. */
  constructor(
    config: Extract<ResolvedStore, { type: 's3' }>,
    options: { timeouts?: S3Timeouts; observer?: StoreObserver; requests?: S3Requests } = {},
  ) {
    this.#config = config;
    const prefix = config.prefix.replace(/^\/+|\/+$/g, '');
    this.#prefix = checkPrefix(prefix === '' ? '' : `${prefix}/`);
    this.#bucket = config.bucket;
    this.location = `s3://${config.bucket}${prefix === '' ? '' : `/${prefix}`}`;
    const server = config.endpoint === undefined ? 'AWS' : new URL(config.endpoint).host;
    this.#place = { location: this.location, bucket: config.bucket, server };
    this.#requests = options.requests ?? new S3Requests(config, options);
    this.#protection = new S3Protection(this.#requests, config.bucket);
  }

  async create(key: string, body: Uint8Array): Promise<StoredObject> {
    return await this.#mapped(`write ${key}`, async () => {
      try {
        return await this.#put(key, body, '*');
      } catch (error) {
        if (s3Failure(error)?.status !== 412) throw error;
        if (this.#isSuperseding && !(await this.#isVisible(key)))
          return await this.#put(key, body, undefined);
        throw new ObjectExistsError(key);
      }
    });
  }

  async createMultipart(key: string): Promise<MultipartWriter> {
    return await S3MultipartWriter.begin(
      this.#requests,
      this.#object(key),
      this.#mapped,
      this.#isSuperseding,
    );
  }

  async resumeMultipart(write: UnfinishedWrite): Promise<MultipartWriter | null> {
    return await S3MultipartWriter.resume(this.#requests, this.#object(write.key), write.id, this.#mapped);
  }

  async read(key: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.openRead(key)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  async openRead(key: string, range: { start?: number; end?: number } = {}): Promise<Readable> {
    const object = this.#object(key);
    return await this.#mapped(`read ${key}`, () =>
      S3ReadStream.open(this.#requests, object, range, this.#mapped),
    );
  }

  async stat(key: string): Promise<StoredObject | null> {
    const { Bucket, Key } = this.#object(key);
    return await this.#mapped(`look at ${key}`, async () => {
      try {
        const answer = await this.#requests.send(async (send, abortSignal) =>
          withTag(await send(new HeadObjectCommand({ Bucket, Key }), { abortSignal })),
        );
        return {
          key,
          size: answer.ContentLength ?? 0,
          modified: answer.LastModified ?? new Date(0),
          versionId: versionOf(answer.VersionId),
          hold: await this.#protection.holdOf(answer, dateOf(answer)),
        };
      } catch (error) {
        const status = s3Failure(error)?.status ?? 0;
        if ([401, 403, 404].includes(status)) await this.#checkBucket();
        if (status !== 404) throw error;
        return null;
      }
    });
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    let last = '';
    for await (const page of this.#pages(prefix)) {
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        const key = this.#keyOf(Key);
        if (key === null) continue;
        if (key <= last) throw this.#unsortedError();
        last = key;
        yield { key, size: Size ?? 0, modified: LastModified ?? new Date(0), versionId: null };
      }
    }
  }

  async *listFolders(prefix: string): AsyncGenerator<string> {
    for await (const page of this.#pages(prefix, '/')) {
      for (const { Prefix } of page.CommonPrefixes ?? []) {
        const folder = this.#keyOf(Prefix?.slice(0, -1));
        if (folder !== null) yield folder.slice(prefix.length);
      }
    }
  }

  async delete(key: string, versionId?: string | null): Promise<void> {
    const { Bucket, Key } = this.#object(key);
    await this.#mapped(`remove ${key}`, async () => {
      const answer = await this.#remove(Bucket, Key, versionId ?? undefined);
      if (versionId == null && answer.DeleteMarker === true) await this.#removeVersions(Bucket, Key);
    });
  }

  async *listUnfinished(prefix: string): AsyncGenerator<UnfinishedWrite> {
    const Prefix = this.#prefix + checkPrefix(prefix);
    let marker: UploadsMarker | null = {};
    while (marker !== null) {
      const input: ListMultipartUploadsCommandInput = { Bucket: this.#bucket, Prefix, ...marker };
      const page: ListMultipartUploadsCommandOutput = await this.#mapped('list unfinished uploads', () =>
        this.#requests.send(async (send, abortSignal) =>
          complete(await send(new ListMultipartUploadsCommand(input), { abortSignal })),
        ),
      );
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        const key = this.#keyOf(Key);
        if (key === null || UploadId === undefined || !key.startsWith(prefix)) continue;
        yield { key, id: UploadId, begun: Initiated ?? new Date(0) };
      }
      const goesOn = page.IsTruncated === true;
      if (goesOn && page.NextKeyMarker === undefined) throw this.#cutList(prefix);
      marker = goesOn ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : null;
    }
  }

  async abortUnfinished(write: UnfinishedWrite): Promise<void> {
    const object = this.#object(write.key);
    await this.#mapped(`abort ${write.key}`, () => abortUpload(this.#requests, object, write.id));
  }

  async protection(): Promise<StoreProtection> {
    return await this.#mapped('look at the bucket', () => this.#protection.read());
  }

  superseding(): Store {
    const view = new S3Store(this.#config, { requests: this.#requests });
    view.#isSuperseding = true;
    return view;
  }

  async freeBytes(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {
    this.#requests.close();
  }

  async #put(key: string, body: Uint8Array, IfNoneMatch: '*' | undefined): Promise<StoredObject> {
    const { Bucket, Key } = this.#object(key);
    const answer = await this.#requests.send(async (send, abortSignal) =>
      withTag(
        await send(
          new PutObjectCommand({
            Bucket,
            Key,
            Body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
            ContentLength: body.byteLength,
            ContentType: 'application/octet-stream',
            ChecksumCRC32: encodeCrc32(crc32(body)),
            IfNoneMatch,
          }),
          { abortSignal },
        ),
      ),
    );
    const versionId = versionOf(answer.VersionId);
    return { key, size: body.byteLength, modified: dateOf(answer), versionId };
  }

  async #isVisible(key: string): Promise<boolean> {
    return (await this.stat(key)) !== null;
  }

  async *#pages(prefix: string, Delimiter?: string) {
    const Prefix = this.#prefix + checkPrefix(prefix);
    let token: string | undefined;
    do {
      const input = { Bucket: this.#bucket, Prefix, Delimiter, ContinuationToken: token };
      const page = await this.#mapped(`list ${prefix === '' ? 'objects' : prefix}`, () =>
        this.#requests.send(async (send, abortSignal) =>
          complete(await send(new ListObjectsV2Command(input), { abortSignal })),
        ),
      );
      yield page;
      if (page.IsTruncated === true && page.NextContinuationToken === undefined) throw this.#cutList(prefix);
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  #cutList(prefix: string): BackupctlError {
    return new BackupctlError(
      'unavailable',
      `the list of ${this.location}/${prefix} has no next page but goes on`,
    );
  }

  #unsortedError(): BackupctlError {
    return new BackupctlError(
      'unsupported',
      `${this.location} does not list objects in the order of their names`,
      {
        hint: 'directory buckets (S3 Express) do not; use a general purpose bucket',
      },
    );
  }

  async #remove(Bucket: string, Key: string, VersionId: string | undefined) {
    return await this.#requests.send(
      async (send, abortSignal) =>
        await send(new DeleteObjectCommand({ Bucket, Key, VersionId }), { abortSignal }),
    );
  }

  /** After a delete marker: what it hides, and the marker itself last. */
  async #removeVersions(Bucket: string, Key: string): Promise<void> {
    try {
      const { Versions = [], DeleteMarkers = [] } = await this.#requests.send(
        async (send, abortSignal) =>
          await send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }), { abortSignal }),
      );
      for (const found of [...Versions, ...DeleteMarkers]) {
        if (found.Key === Key) await this.#remove(Bucket, Key, found.VersionId);
      }
    } catch (error) {
      // The bucket's owner keeps versions from us: the object is hidden, and how long it stays is theirs to say.
      if (s3Failure(error)?.status !== 403) throw error;
    }
  }

  /**
   * An answer to HEAD has no body to say what is wrong: a missing bucket looks like a missing object there, and an
   * unknown access key like a forbidden one. An empty list tells.
   */
  async #checkBucket(): Promise<void> {
    if (this.#bucketSeen) return;
    await this.#requests.send(
      async (send, abortSignal) =>
        await send(new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#prefix, MaxKeys: 1 }), {
          abortSignal,
        }),
    );
    this.#bucketSeen = true;
  }

  #object(key: string): S3Object {
    return { key, Key: this.#prefix + checkKey(key), Bucket: this.#bucket };
  }

  /** A key as callers name it; null for what no key can be. */
  #keyOf(Key: string | undefined): string | null {
    if (Key === undefined || !Key.startsWith(this.#prefix)) return null;
    const key = Key.slice(this.#prefix.length);
    try {
      return checkKey(key);
    } catch {
      return null;
    }
  }

  readonly #mapped = async <T>(doing: string, run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      throw s3Error(error, doing, this.#place);
    }
  };
}
