import { GetBucketVersioningCommand, GetObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import type { Hold, StoreProtection } from '../store.ts';
import { s3Failure } from './s3-errors.ts';
import type { S3Requests } from './s3-requests.ts';

/** Milliseconds for which what a bucket said of itself is taken for true. */
const FRESH = 10 * 60_000;

const DAY = 86_400_000;

/** What an answer about an object says of its being held. */
interface HeldAnswer {
  ObjectLockMode?: string | undefined;
  ObjectLockRetainUntilDate?: Date | undefined;
  ObjectLockLegalHoldStatus?: string | undefined;
  LastModified?: Date | undefined;
}

/** What a bucket does to keep objects from being removed. Permission to ask is not needed: what is not told is null. */
export class S3Protection {
  readonly #requests: S3Requests;
  readonly #bucket: string;
  #asked: { at: number; lock: Promise<Pick<StoreProtection, 'objectLock' | 'retention'>> } | undefined;

  constructor(requests: S3Requests, bucket: string) {
    this.#requests = requests;
    this.#bucket = bucket;
  }

  async read(): Promise<StoreProtection> {
    const [versioning, lock] = await Promise.all([this.#versioning(), this.#lock()]);
    return { versioning, ...lock };
  }

  /**
   * What holds an object, by an answer to HEAD. Servers that do not tell of each object (versitygw), and those that may
   * not tell us, leave the bucket's own rule to go by, which counts from the object's date.
   * @param now the server's clock
   */
  async holdOf(answer: HeldAnswer, now: Date): Promise<Hold | null> {
    if (answer.ObjectLockLegalHoldStatus === 'ON') return { until: null, mode: 'legal hold' };
    const told = answer.ObjectLockRetainUntilDate;
    const mode = answer.ObjectLockMode === 'COMPLIANCE' ? 'compliance' : 'governance';
    if (told !== undefined) return told > now ? { until: told, mode } : null;
    const { retention } = await this.#lock();
    if (retention === null || answer.LastModified === undefined) return null;
    const until = new Date(answer.LastModified.getTime() + retention.days * DAY);
    return until > now ? { until, mode: retention.mode } : null;
  }

  #lock(): Promise<Pick<StoreProtection, 'objectLock' | 'retention'>> {
    if (this.#asked === undefined || performance.now() - this.#asked.at > FRESH) {
      const lock = this.#askForLock();
      this.#asked = { at: performance.now(), lock };
      // A store that did not answer is asked again.
      lock.catch(() => {
        this.#asked = undefined;
      });
    }
    return this.#asked.lock;
  }

  async #askForLock(): Promise<Pick<StoreProtection, 'objectLock' | 'retention'>> {
    try {
      const { ObjectLockConfiguration: found } = await this.#requests.send(
        async (send, abortSignal) =>
          await send(new GetObjectLockConfigurationCommand({ Bucket: this.#bucket }), { abortSignal }),
      );
      const { Mode, Days, Years } = found?.Rule?.DefaultRetention ?? {};
      const days = Days ?? (Years ?? 0) * 365;
      const mode = Mode === 'COMPLIANCE' ? 'compliance' : 'governance';
      return {
        objectLock: found?.ObjectLockEnabled === 'Enabled',
        retention: days > 0 ? { mode, days } : null,
      };
    } catch (error) {
      if (s3Failure(error)?.name === 'ObjectLockConfigurationNotFoundError') {
        return { objectLock: false, retention: null };
      }
      if (isNotTold(error)) return { objectLock: null, retention: null };
      throw error;
    }
  }

  async #versioning(): Promise<StoreProtection['versioning']> {
    try {
      const { Status } = await this.#requests.send(
        async (send, abortSignal) =>
          await send(new GetBucketVersioningCommand({ Bucket: this.#bucket }), { abortSignal }),
      );
      return Status === 'Enabled' ? 'on' : Status === 'Suspended' ? 'suspended' : 'off';
    } catch (error) {
      if (isNotTold(error)) return null;
      throw error;
    }
  }
}

/** Whether a server says that it may not, or cannot, say. */
function isNotTold(error: unknown): boolean {
  const failure = s3Failure(error);
  if (failure === null || failure.name === 'NoSuchBucket') return false;
  return [400, 403, 404, 405, 501].includes(failure.status ?? 0);
}
