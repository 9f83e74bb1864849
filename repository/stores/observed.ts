import type { Readable } from 'node:stream';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import {
  type MultipartWriter,
  ObjectExistsError,
  ObjectMissingError,
  type Part,
  type Store,
  type StoredObject,
  type StoreProtection,
  type UnfinishedWrite,
} from '../store.ts';
import type { StoreObserver, StoreResult } from './observer.ts';

/**
 * A store whose every call is told to an observer, as it is: for stores that do their work within one call. (What
 * sends requests and repeats them tells of each by itself.)
 */
export class ObservedStore implements Store {
  readonly location: string;
  readonly #store: Store;
  readonly #observer: StoreObserver;

  constructor(store: Store, observer: StoreObserver) {
    this.location = store.location;
    this.#store = store;
    this.#observer = observer;
  }

  create(key: string, body: Uint8Array): Promise<StoredObject> {
    return observed(this.#observer, 'create', () => this.#store.create(key, body));
  }

  async createMultipart(key: string): Promise<MultipartWriter> {
    const writer = await observed(this.#observer, 'createMultipart', () => this.#store.createMultipart(key));
    return new ObservedWriter(writer, this.#observer);
  }

  async resumeMultipart(write: UnfinishedWrite): Promise<MultipartWriter | null> {
    const resume = () => this.#store.resumeMultipart(write);
    const writer = await observed(this.#observer, 'resumeMultipart', resume);
    return writer === null ? null : new ObservedWriter(writer, this.#observer);
  }

  read(key: string): Promise<Buffer> {
    return observed(this.#observer, 'read', () => this.#store.read(key));
  }

  openRead(key: string, range?: { start?: number; end?: number }): Promise<Readable> {
    return observed(this.#observer, 'openRead', () => this.#store.openRead(key, range));
  }

  stat(key: string): Promise<StoredObject | null> {
    return observed(this.#observer, 'stat', () => this.#store.stat(key));
  }

  list(prefix: string): AsyncIterable<StoredObject> {
    return observedList(this.#observer, 'list', () => this.#store.list(prefix));
  }

  listFolders(prefix: string): AsyncIterable<string> {
    return observedList(this.#observer, 'listFolders', () => this.#store.listFolders(prefix));
  }

  delete(key: string, versionId?: string | null): Promise<void> {
    return observed(this.#observer, 'delete', () => this.#store.delete(key, versionId));
  }

  listUnfinished(prefix: string): AsyncIterable<UnfinishedWrite> {
    return observedList(this.#observer, 'listUnfinished', () => this.#store.listUnfinished(prefix));
  }

  abortUnfinished(write: UnfinishedWrite): Promise<void> {
    return observed(this.#observer, 'abortUnfinished', () => this.#store.abortUnfinished(write));
  }

  protection(): Promise<StoreProtection> {
    return observed(this.#observer, 'protection', () => this.#store.protection());
  }

  superseding(): Store {
    return new ObservedStore(this.#store.superseding(), this.#observer);
  }

  freeBytes(): Promise<number | null> {
    return observed(this.#observer, 'freeBytes', () => this.#store.freeBytes());
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

class ObservedWriter implements MultipartWriter {
  readonly #writer: MultipartWriter;
  readonly #observer: StoreObserver;

  constructor(writer: MultipartWriter, observer: StoreObserver) {
    this.#writer = writer;
    this.#observer = observer;
  }

  keeps(part: Part): Promise<boolean> {
    return this.#writer.keeps(part);
  }

  writePart(part: Part): Promise<void> {
    return observed(this.#observer, 'writePart', () => this.#writer.writePart(part));
  }

  complete(): Promise<StoredObject> {
    return observed(this.#observer, 'complete', () => this.#writer.complete());
  }

  abort(): Promise<void> {
    return observed(this.#observer, 'abort', () => this.#writer.abort());
  }

  suspend(): Promise<void> {
    return this.#writer.suspend();
  }
}

/** Runs one request and tells how it ended. @param resultFor what a failure means; default: by its class and code */
export async function observed<T>(
  observer: StoreObserver,
  operation: string,
  run: () => Promise<T>,
  resultFor: (error: unknown) => StoreResult = resultOf,
): Promise<T> {
  const begun = performance.now();
  const tell = (result: StoreResult) =>
    observer.request({ operation, result, seconds: (performance.now() - begun) / 1000 });
  try {
    const value = await run();
    tell('ok');
    return value;
  } catch (error) {
    tell(resultFor(error));
    throw error;
  }
}

/** A list counts once, at its end; one that its reader leaves early has done well. */
async function* observedList<T>(
  observer: StoreObserver,
  operation: string,
  list: () => AsyncIterable<T>,
): AsyncGenerator<T, void, void> {
  const begun = performance.now();
  let result: StoreResult = 'ok';
  try {
    yield* list();
  } catch (error) {
    result = resultOf(error);
    throw error;
  } finally {
    observer.request({ operation, result, seconds: (performance.now() - begun) / 1000 });
  }
}

function resultOf(error: unknown): StoreResult {
  if (error instanceof ObjectExistsError) return 'exists';
  if (error instanceof ObjectMissingError) return 'missing';
  if (!(error instanceof BackupctlError)) return 'failed';
  if (error.code === 'credentials') return 'denied';
  return error.code === 'unavailable' ? 'unavailable' : 'failed';
}
