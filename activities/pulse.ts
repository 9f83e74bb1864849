import { Context } from '@temporalio/activity';
import { BackupctlError } from '../errors/backupctl-error.ts';

/** What a running activity tells: `execution-show` prints it while it runs. */
export interface Heartbeat {
  stage: string;
  /** Before sealing. */
  bytes_in: number;
  /** Confirmed by the store. */
  bytes_out: number;
  /** Bytes a second over the last seconds, before sealing. */
  rate: number;
}

const beatEvery = 1_000;
/** Ticks between the heartbeats of who only waits: hundreds may, and each costs the server a write. */
const idleBeatEvery = 5;

/**
 * Heartbeats once a second, with real progress, and watches that there is some. A heartbeat by a timer alone would hide
 * a hung child, so where no byte moves for the stall limit, the signal is aborted with that as its reason.
 */
export class Pulse {
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();
  readonly #context = Context.current();
  readonly #timer: NodeJS.Timeout;
  readonly #stallSeconds: number;
  readonly #samples: { at: number; bytes: number }[] = [];
  #beat: Heartbeat = { stage: 'starting', bytes_in: 0, bytes_out: 0, rate: 0 };
  #movedAt = performance.now();
  #idle = false;
  #ticks = 0;

  /** @param stallSeconds null where nothing is expected to move bytes. */
  constructor(stallSeconds: number | null) {
    this.#stallSeconds = stallSeconds ?? Number.POSITIVE_INFINITY;
    this.signal = AbortSignal.any([this.#context.cancellationSignal, this.#abort.signal]);
    this.#timer = setInterval(() => this.#tick(), beatEvery);
    this.#context.heartbeat(this.#beat);
  }

  /** Ends the work for a reason that becomes the activity's failure. */
  fail(reason: BackupctlError): void {
    this.#abort.abort(reason);
  }

  /** @param options.moved false where only the words change, and bytes have to show that it goes on */
  stage(stage: string, options: { moved?: boolean } = {}): void {
    this.#beat.stage = stage;
    this.#idle = false;
    if (options.moved ?? true) this.#movedAt = performance.now();
  }

  /** It goes on, and no byte shows it. */
  working(): void {
    this.#movedAt = performance.now();
  }

  /** A stage in which nothing is to move, for as long as it takes: a queue is no stall, and many may stand in it. */
  idle(stage: string): void {
    this.#beat.stage = stage;
    this.#idle = true;
  }

  moved(bytesIn: number, bytesOut: number): void {
    if (bytesIn !== this.#beat.bytes_in || bytesOut !== this.#beat.bytes_out)
      this.#movedAt = performance.now();
    this.#beat.bytes_in = bytesIn;
    this.#beat.bytes_out = bytesOut;
  }

  get bytesIn(): number {
    return this.#beat.bytes_in;
  }

  get bytesOut(): number {
    return this.#beat.bytes_out;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    this.#samples.push({ at: now, bytes: this.#beat.bytes_in });
    if (this.#samples.length > 10) this.#samples.shift();
    const oldest = this.#samples[0];
    if (oldest !== undefined && now > oldest.at) {
      this.#beat.rate = Math.round(((this.#beat.bytes_in - oldest.bytes) * 1000) / (now - oldest.at));
    }
    this.#ticks += 1;
    if (this.#idle) {
      if (this.#ticks % idleBeatEvery === 0) this.#context.heartbeat({ ...this.#beat });
      return;
    }
    this.#context.heartbeat({ ...this.#beat });
    if (now - this.#movedAt > this.#stallSeconds * 1000) {
      this.fail(
        new BackupctlError('failed', `no byte moved for ${this.#stallSeconds} s while ${this.#beat.stage}`, {
          hint: 'look for a lock or a hung server at the source, and whether the repository answers',
        }),
      );
    }
  }
}
