import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { filesystemError } from './filesystem-errors.ts';

const CHUNK = 1024 * 1024;

/** The bytes of an open file from `start` to `end`; owns the handle. A file that got shorter is an error. */
export class FileReadStream extends Readable {
  readonly #handle: FileHandle;
  readonly #key: string;
  readonly #root: string;
  readonly #end: number;
  #position: number;

  constructor(handle: FileHandle, source: { key: string; root: string; start: number; end: number }) {
    super({ highWaterMark: CHUNK });
    this.#handle = handle;
    this.#key = source.key;
    this.#root = source.root;
    this.#position = source.start;
    this.#end = source.end;
  }

  override _read(): void {
    this.#next().then(
      (chunk) => this.push(chunk),
      (error: unknown) => this.destroy(asError(filesystemError(error, `read ${this.#key}`, this.#root))),
    );
  }

  async #next(): Promise<Buffer | null> {
    if (this.#position >= this.#end) return null;
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK, this.#end - this.#position));
    const { bytesRead } = await this.#handle.read(chunk, 0, chunk.byteLength, this.#position);
    if (bytesRead === 0) {
      throw new BackupctlError(
        'corrupt',
        `object ${this.#key} ends at byte ${this.#position}, not ${this.#end}`,
      );
    }
    this.#position += bytesRead;
    return chunk.subarray(0, bytesRead);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#handle.close().then(
      () => callback(error),
      (failure: unknown) => callback(error ?? asError(failure)),
    );
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
