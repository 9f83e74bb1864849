import { crc32 } from 'node:zlib';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { MultipartWriter, Part, StoredObject } from '../store.ts';
import { filesystemError } from './filesystem-errors.ts';
import type { TemporaryFile } from './temporary-file.ts';

/** Parts go to their offsets in one temporary file; `complete` links it to its name. */
export class FilesystemMultipartWriter implements MultipartWriter {
  readonly #file: TemporaryFile;
  readonly #root: string;
  readonly #parts = new Map<number, { offset: number; size: number }>();
  #published = false;

  constructor(file: TemporaryFile, root: string) {
    this.#file = file;
    this.#root = root;
  }

  async writePart(part: Part): Promise<void> {
    if (crc32(part.body) !== part.crc32) {
      throw new BackupctlError('corrupt', `part ${part.number} of ${this.#file.key} changed in memory`, {
        hint: 'its CRC-32 is not what it was; if this happens again, test the memory of this machine',
      });
    }
    await this.#mapped(async () => {
      await this.#file.write(part.body, part.offset);
      // Confirmed means on the disk, part by part: otherwise the page cache takes all, and one long sync at the end
      // would look like a hang.
      await this.#file.handle.datasync();
    });
    this.#parts.set(part.number, { offset: part.offset, size: part.body.byteLength });
  }

  async complete(): Promise<StoredObject> {
    this.#checkGapless();
    const stored = await this.#mapped(() => this.#file.publish());
    this.#published = true;
    return stored;
  }

  async abort(): Promise<void> {
    if (this.#published) return;
    await this.#mapped(() => this.#file.discard());
  }

  #checkGapless(): void {
    let offset = 0;
    for (let number = 1; number <= this.#parts.size; number += 1) {
      const part = this.#parts.get(number);
      if (part === undefined || part.offset !== offset) {
        throw new Error(`part ${number} of ${this.#file.key} is missing or not at byte ${offset}`);
      }
      offset += part.size;
    }
  }

  async #mapped<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw filesystemError(error, `write ${this.#file.key}`, this.#root);
    }
  }
}
