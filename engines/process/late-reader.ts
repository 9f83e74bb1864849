import type { Readable } from 'node:stream';

/**
 * Lets the reader of a program's output come late. When a program ends, Node lets flow away what nobody reads yet
 * (`flushStdio` of its child_process.js), so that a short output would be lost without an error. It leaves a stream
 * alone that somebody listens to for `readable`: we do, until there is a reader.
 */
export function keepForLateReader(output: Readable): void {
  const hold = () => {};
  output.on('readable', hold);
  output.on('newListener', (event) => {
    // Data events do not come by themselves while there is a listener of the other kind.
    if (event === 'data') output.off('readable', hold);
  });
}
