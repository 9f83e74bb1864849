import { Transform, type TransformCallback } from 'node:stream';

/** Lets bytes through up to a point, says when that is reached, and holds everything behind it until `release`. */
export class Gate {
  /** Resolves when the point is reached. */
  readonly reached: Promise<void>;
  readonly stream: Transform;
  #release = () => {};

  /** @param after how many bytes pass; the piece that goes beyond them does not */
  constructor(after: number) {
    let passed = 0;
    let arrive = () => {};
    this.reached = new Promise((resolve) => {
      arrive = resolve;
    });
    const released = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    this.stream = new Transform({
      transform(piece: Buffer, _encoding, done: TransformCallback) {
        passed += piece.length;
        if (passed < after) return done(null, piece);
        arrive();
        void released.then(() => done(null, piece));
      },
    });
  }

  release(): void {
    this.#release();
  }
}
