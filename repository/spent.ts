/**
 * Gives the memory of a buffer back at once: to be called by who has it to himself, and is done with it. Left to the
 * collector, a backup's worth of them makes it go through the whole heap every few dozen MiB, which costs as much as all
 * hashing and sealing. A piece of something larger is left alone, since others may be looking at that.
 */
export function giveBack(spent: Uint8Array): void {
  if (spent.buffer instanceof ArrayBuffer && spent.buffer.byteLength === spent.byteLength) {
    spent.buffer.transfer(0);
  }
}
