import { crc32 } from 'node:zlib';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { MultipartWriter, Part, StoredObject } from '../store.ts';
import { filesystemError } from './filesystem-errors.ts';
import type { TemporaryFile } from './temporary-file.ts';

/** Parts go to their offsets in one temporary file; `complete` links it to its name. */
export class FilesystemMultipartWriter implements MultipartWriter {
  readonly #file: TemporaryFile;
  readonly #root: string;
  readonly #resumed: boolean;
  readonly #underWay = new Set<Promise<void>>();
  readonly #parts = new Map<number, { offset: number; size: number }>();
  #published = false;

  constructor(file: TemporaryFile, root: string, options: { resumed?: boolean } = {}) {
    this.#file = file;
    this.#root = root;
    this.#resumed = options.resumed ?? false;
  }

  async keeps(part: Part): Promise<boolean> {
    if (!this.#resumed) return false;
    const { body, offset } = part;
    if (!(await this.#mapped(() => this.#file.holds(body, offset)))) return false;
    this.#parts.set(part.number, { offset, size: body.byteLength });
    return true;
  }

  async writePart(part: Part): Promise<void> {
    const writing = this.#write(part);
    this.#underWay.add(writing);
    try {
      await writing;
    } finally {
      this.#underWay.delete(writing);
    }
  }

  async suspend(): Promise<void> {
    await Promise.allSettled([...this.#underWay]);
    await this.#mapped(() => this.#file.suspend());
  }

  async #write(part: Part): Promise<void> {
    if (crc32(part.body) !== part.crc32) {
      throw new BackupctlError('corrupt', `part ${part.number} of ${this.#file.key} changed in memory`, {
        hint: 'its CRC-32 is not what it was; if this happens again, test the memory of this machine',
      });
    }
    await this.#mapped(async () => {
      if (!(await this.#file.isOurs())) {
        throw new BackupctlError('failed', `the unfinished ${this.#file.key} was taken up by another writer`);
      }
      await this.#file.write(part.body, part.offset);
      // Confirmed means on the disk, part by part: otherwise the page cache takes all, and one long sync at the end
      // would look like a hang.
      await this.#file.handle.datasync();
    });
    this.#parts.set(part.number, { offset: part.offset, size: part.body.byteLength });
  }

  async complete(): Promise<StoredObject> {
    const size = this.#checkGapless();
    // What was taken up may have been meant to become longer.
    if (this.#resumed) await this.#mapped(() => this.#file.handle.truncate(size));
    const stored = await this.#mapped(() => this.#file.publish());
    this.#published = true;
    return stored;
  }

  async abort(): Promise<void> {
    if (this.#published) return;
    await this.#mapped(() => this.#file.discard());
  }

  /** @returns the size of the whole */
  #checkGapless(): number {
    let offset = 0;
    for (let number = 1; number <= this.#parts.size; number += 1) {
      const part = this.#parts.get(number);
      if (part === undefined || part.offset !== offset) {
        throw new Error(`part ${number} of ${this.#file.key} is missing or not at byte ${offset}`);
      }
      offset += part.size;
    }
    return offset;
  }

  async #mapped<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw filesystemError(error, `write ${this.#file.key}`, this.#root);
    }
  }
}
