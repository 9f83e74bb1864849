/** CRC-64 of ECMA-182 with its bits reversed, as Go's `crc64.ECMA` and therefore mongodump's archives have it. */
export class Crc64 {
  #low = -1;
  #high = -1;

  /** Takes the bytes from `start` up to `end`. */
  update(bytes: Uint8Array, start: number, end: number): void {
    let low = this.#low;
    let high = this.#high;
    let at = start;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // Eight bytes at a time: a table for each distance from the end of the eight.
    for (; at + 8 <= end; at += 8) {
      const a = low ^ view.getInt32(at, true);
      const b = high ^ view.getInt32(at + 4, true);
      const n0 = 1792 + (a & 255);
      const n1 = 1536 + ((a >>> 8) & 255);
      const n2 = 1280 + ((a >>> 16) & 255);
      const n3 = 1024 + (a >>> 24);
      const n4 = 768 + (b & 255);
      const n5 = 512 + ((b >>> 8) & 255);
      const n6 = 256 + ((b >>> 16) & 255);
      const n7 = b >>> 24;
      low =
        of(lows, n0) ^
        of(lows, n1) ^
        of(lows, n2) ^
        of(lows, n3) ^
        of(lows, n4) ^
        of(lows, n5) ^
        of(lows, n6) ^
        of(lows, n7);
      high =
        of(highs, n0) ^
        of(highs, n1) ^
        of(highs, n2) ^
        of(highs, n3) ^
        of(highs, n4) ^
        of(highs, n5) ^
        of(highs, n6) ^
        of(highs, n7);
    }
    for (; at < end; at += 1) {
      const n = (low ^ of(bytes, at)) & 255;
      low = ((low >>> 8) | (high << 24)) ^ of(lows, n);
      high = (high >>> 8) ^ of(highs, n);
    }
    this.#low = low;
    this.#high = high;
  }

  /** As a signed number of 64 bits, which is how BSON holds it. */
  value(): bigint {
    return BigInt.asIntN(64, (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0));
  }
}

const polynomial = { low: 0xd7870f42 | 0, high: 0xc96c5795 | 0 };
const lows = new Int32Array(8 * 256);
const highs = new Int32Array(8 * 256);

for (let n = 0; n < 256; n += 1) {
  let low = n;
  let high = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    const odd = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (odd === 1) {
      low ^= polynomial.low;
      high ^= polynomial.high;
    }
  }
  lows[n] = low;
  highs[n] = high;
}
for (let table = 1; table < 8; table += 1) {
  for (let n = 0; n < 256; n += 1) {
    const low = of(lows, (table - 1) * 256 + n);
    const high = of(highs, (table - 1) * 256 + n);
    const next = low & 255;
    lows[table * 256 + n] = ((low >>> 8) | (high << 24)) ^ of(lows, next);
    highs[table * 256 + n] = (high >>> 8) ^ of(highs, next);
  }
}

function of(numbers: Int32Array | Uint8Array, n: number): number {
  return numbers[n] as number;
}
