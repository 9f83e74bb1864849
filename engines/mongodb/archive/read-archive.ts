import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { endWith } from '../../process/own-program.ts';
import { ArchiveError, ArchiveReader } from './reader.ts';

/**
 * A program: reads an archive of mongodump from standard input to its end, and writes what is in it as JSON to a file.
 * With a second file, the entries of its oplog go there. Exits 1 with one line where the archive is not whole.
 *
 *   node read-archive.ts SUMMARY [OPLOG]
 */
function main([summary, oplog]: readonly string[]): void {
  if (summary === undefined) throw new ArchiveError('to which file?');
  const entries = oplog === undefined ? null : openSync(oplog, 'w', 0o600);
  const reader = new ArchiveReader((entry) => {
    if (entries !== null) writeSync(entries, entry);
  });
  const buffer = Buffer.allocUnsafe(256 * 1024);
  for (let read = next(buffer); read > 0; read = next(buffer)) reader.push(buffer.subarray(0, read));
  writeFileSync(summary, JSON.stringify(reader.end()), { mode: 0o600, flag: 'wx' });
  if (entries !== null) closeSync(entries);
}

function next(buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(0, buffer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      // Whoever made the pipe has it not blocking: a moment's rest, then again.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

endWith(() => main(process.argv.slice(2)), 'backupctl-read-archive');
