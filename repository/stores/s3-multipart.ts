import { createHash, randomUUID } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListPartsCommand,
  type ListPartsCommandOutput,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { type MultipartWriter, ObjectExistsError, type Part, type StoredObject } from '../store.ts';
import { withTag } from './s3-answers.ts';
import { s3Failure, UnreadableAnswer } from './s3-errors.ts';
import type { S3Requests } from './s3-requests.ts';

/** Metadata of an object that tells whose upload made it, so that an upload whose answer was lost knows itself. */
const TOKEN = 'backupctl-upload';

export interface S3Object {
  /** As callers name it. */
  key: string;
  /** As the bucket does, with the prefix. */
  Key: string;
  Bucket: string;
}

interface SentPart {
  size: number;
  etag: string | undefined;
  crc32: string | undefined;
}

/** A multipart upload. Its errors are raw; {@link S3Store} maps them through `mapped`. */
export class S3MultipartWriter implements MultipartWriter {
  readonly #requests: S3Requests;
  readonly #object: S3Object;
  readonly #uploadId: string;
  /** Null for an upload that was taken up: what its beginner called it is not told. */
  readonly #token: string | null;
  readonly #mapped: <T>(doing: string, run: () => Promise<T>) => Promise<T>;
  readonly #parts = new Map<number, SentPart>();
  /** What was there when the upload was taken up. */
  readonly #found: ReadonlyMap<number, SentPart>;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #cancel = new AbortController();
  /** Servers that do not know CRC-32 are given an MD5 of each part instead. */
  #needsMd5 = false;
  #completed = false;
  /** See {@link Store.superseding}. */
  #isSuperseding = false;

  private constructor(
    requests: S3Requests,
    object: S3Object,
    upload: { id: string; token: string | null; found?: ReadonlyMap<number, SentPart> },
    mapped: <T>(doing: string, run: () => Promise<T>) => Promise<T>,
  ) {
    this.#requests = requests;
    this.#object = object;
    this.#uploadId = upload.id;
    this.#token = upload.token;
    this.#found = upload.found ?? new Map();
    this.#mapped = mapped;
  }

  static async begin(
    requests: S3Requests,
    object: S3Object,
    mapped: <T>(doing: string, run: () => Promise<T>) => Promise<T>,
    isSuperseding = false,
  ): Promise<S3MultipartWriter> {
    const { Bucket, Key } = object;
    const token = randomUUID();
    return await mapped(`begin ${object.key}`, async () => {
      const { UploadId: id } = await requests.send(async (send, abortSignal) => {
        const answer = await send(
          new CreateMultipartUploadCommand({
            Bucket,
            Key,
            ContentType: 'application/octet-stream',
            ChecksumAlgorithm: 'CRC32',
            Metadata: { [TOKEN]: token },
          }),
          { abortSignal },
        );
        if (answer.UploadId === undefined) throw new UnreadableAnswer(answer);
        return { UploadId: answer.UploadId };
      });
      const writer = new S3MultipartWriter(requests, object, { id, token }, mapped);
      writer.#isSuperseding = isSuperseding;
      return writer;
    });
  }

  /** Null where there is no such upload any more. */
  static async resume(
    requests: S3Requests,
    object: S3Object,
    id: string,
    mapped: <T>(doing: string, run: () => Promise<T>) => Promise<T>,
  ): Promise<S3MultipartWriter | null> {
    return await mapped(`take up ${object.key}`, async () => {
      try {
        const found = await listParts(requests, object, id);
        return new S3MultipartWriter(requests, object, { id, token: null, found }, mapped);
      } catch (error) {
        if (s3Failure(error)?.name === 'NoSuchUpload') return null;
        throw error;
      }
    });
  }

  async keeps(part: Part): Promise<boolean> {
    const found = this.#found.get(part.number);
    if (found === undefined || found.size !== part.body.byteLength) return false;
    // Servers that know no CRC-32 have an entity tag, which is the MD5 of a part.
    const same =
      found.crc32 === undefined
        ? found.etag?.replaceAll('"', '') === createHash('md5').update(part.body).digest('hex')
        : found.crc32 === encodeCrc32(part.crc32);
    if (same) this.#parts.set(part.number, found);
    return same;
  }

  async writePart(part: Part): Promise<void> {
    const sending = this.#mapped(`write part ${part.number} of ${this.#object.key}`, () => this.#send(part));
    this.#underWay.add(sending);
    try {
      await sending;
    } finally {
      this.#underWay.delete(sending);
    }
  }

  async complete(): Promise<StoredObject> {
    return await this.#mapped(`complete ${this.#object.key}`, async () => {
      try {
        await this.#sendComplete('*');
      } catch (error) {
        const name = s3Failure(error)?.name;
        const isTaken = s3Failure(error)?.status === 412;
        if (!isTaken && name !== 'NoSuchUpload') throw error;
        // An earlier try may have done it, and its answer was lost; the object then bears our token.
        const found = await this.#head();
        if (found === null || this.#token === null || found.token !== this.#token) {
          if (!isTaken && found === null) throw error;
          if (found !== null || !this.#isSuperseding) throw new ObjectExistsError(this.#object.key);
          await this.#sendComplete(undefined);
        }
      }
      this.#completed = true;
      const found = await this.#head();
      const size = [...this.#parts.values()].reduce((sum, part) => sum + part.size, 0);
      if (found === null || found.object.size !== size) {
        const what = found === null ? 'nothing' : `${found.object.size} bytes`;
        throw new BackupctlError('corrupt', `${this.#object.key}: the store holds ${what} of ${size} bytes`);
      }
      return found.object;
    });
  }

  async abort(): Promise<void> {
    if (this.#completed) return;
    this.#cancel.abort();
    // A part that arrives after the end of its upload would be kept, and charged for.
    await Promise.allSettled([...this.#underWay]);
    await this.#mapped(`abort ${this.#object.key}`, () =>
      abortUpload(this.#requests, this.#object, this.#uploadId),
    );
  }

  async suspend(): Promise<void> {
    // A part whose request hangs would keep us for minutes; should it arrive all the same, it is the right one.
    this.#cancel.abort();
    await Promise.allSettled([...this.#underWay]);
  }

  async #send(part: Part): Promise<void> {
    const body = Buffer.from(part.body.buffer, part.body.byteOffset, part.body.byteLength);
    const crc32 = encodeCrc32(part.crc32);
    for (;;) {
      const md5 = this.#needsMd5 ? createHash('md5').update(body).digest('base64') : undefined;
      const answer = await this.#requests.send(
        async (send, abortSignal) =>
          withTag(
            await send(
              new UploadPartCommand({
                Bucket: this.#object.Bucket,
                Key: this.#object.Key,
                UploadId: this.#uploadId,
                PartNumber: part.number,
                Body: body,
                ContentLength: body.byteLength,
                ChecksumCRC32: crc32,
                ContentMD5: md5,
              }),
              { abortSignal },
            ),
          ),
        { signal: this.#cancel.signal },
      );
      if (answer.ChecksumCRC32 !== undefined && answer.ChecksumCRC32 !== crc32) {
        throw new BackupctlError(
          'corrupt',
          `the store has other bytes of part ${part.number} than were sent`,
        );
      }
      if (answer.ChecksumCRC32 === undefined && md5 === undefined) {
        // The header was passed over: nothing has confirmed these bytes yet.
        this.#needsMd5 = true;
        continue;
      }
      this.#parts.set(part.number, {
        size: body.byteLength,
        etag: answer.ETag,
        crc32: answer.ChecksumCRC32,
      });
      return;
    }
  }

  async #sendComplete(IfNoneMatch: '*' | undefined): Promise<void> {
    const Parts = [...this.#parts]
      .sort(([a], [b]) => a - b)
      .map(([number, part]) => ({ PartNumber: number, ETag: part.etag, ChecksumCRC32: part.crc32 }));
    await this.#requests.send(
      async (send, abortSignal) =>
        withTag(
          await send(
            new CompleteMultipartUploadCommand({
              Bucket: this.#object.Bucket,
              Key: this.#object.Key,
              UploadId: this.#uploadId,
              IfNoneMatch,
              MultipartUpload: { Parts },
            }),
            { abortSignal },
          ),
        ),
      { patient: true },
    );
  }

  async #head(): Promise<{ object: StoredObject; token: string | undefined } | null> {
    try {
      const answer = await this.#requests.send(async (send, abortSignal) =>
        withTag(
          await send(new HeadObjectCommand({ Bucket: this.#object.Bucket, Key: this.#object.Key }), {
            abortSignal,
          }),
        ),
      );
      return {
        object: {
          key: this.#object.key,
          size: answer.ContentLength ?? 0,
          modified: answer.LastModified ?? new Date(0),
          versionId: versionOf(answer.VersionId),
        },
        token: answer.Metadata?.[TOKEN],
      };
    } catch (error) {
      if (s3Failure(error)?.status === 404) return null;
      throw error;
    }
  }
}

/** Every part that the store has of an upload. */
async function listParts(requests: S3Requests, object: S3Object, id: string): Promise<Map<number, SentPart>> {
  const { Bucket, Key } = object;
  const parts = new Map<number, SentPart>();
  let marker: string | undefined;
  do {
    const input = { Bucket, Key, UploadId: id, PartNumberMarker: marker };
    const page: ListPartsCommandOutput = await requests.send(
      async (send, abortSignal) => await send(new ListPartsCommand(input), { abortSignal }),
    );
    for (const { PartNumber, Size, ETag, ChecksumCRC32 } of page.Parts ?? []) {
      if (PartNumber === undefined) continue;
      parts.set(PartNumber, { size: Size ?? 0, etag: ETag, crc32: ChecksumCRC32 });
    }
    marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  return parts;
}

/** Ends a multipart upload; that there is none (any more) is a success. */
export async function abortUpload(requests: S3Requests, object: S3Object, uploadId: string): Promise<void> {
  try {
    await requests.send(
      async (send, abortSignal) =>
        await send(
          new AbortMultipartUploadCommand({ Bucket: object.Bucket, Key: object.Key, UploadId: uploadId }),
          { abortSignal },
        ),
    );
  } catch (error) {
    if (s3Failure(error)?.name !== 'NoSuchUpload') throw error;
  }
}

/** S3 writes checksums as base64 of their big-endian bytes. */
export function encodeCrc32(crc32: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32);
  return bytes.toString('base64');
}

/** Buckets without versions say `null`, as a text, or nothing. */
export function versionOf(versionId: string | undefined): string | null {
  return versionId === undefined || versionId === '' || versionId === 'null' ? null : versionId;
}
