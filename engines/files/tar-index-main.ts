import { openSync } from 'node:fs';
import { endWith } from '../process/own-program.ts';
import { hashContent } from './content-hash.ts';
import { type IndexEnd, toLine } from './index-line.ts';
import { Output, writeAll, writeReport } from './output.ts';
import { TarReader } from './tar-reader.ts';
import { insidePath, TreeOrder } from './tree-order.ts';

/** What the reader of an archive says of it. */
export interface ArchiveReport {
  files: number;
  directories: number;
  /** Bytes of all files, holes among them. */
  bytes: number;
  /** Bytes of them in the archive. */
  stored: number;
}

/**
 * `tar-index-main REPORT`: reads an archive from standard input, to its end, passes every byte of it on to descriptor 3, and
 * writes a line for each member to standard output (see `IndexedFile`) and a document about all of it to the file REPORT. Fails for
 * what is not whole.
 */
function main(report: string): void {
  const data = openSync('/dev/fd/3', 'w'); // a descriptor of our own, which waits for room
  const reader = new TarReader(0, (bytes) => writeAll(data, bytes));
  const output = new Output(1);
  const order = new TreeOrder();
  const found: ArchiveReport = { files: 0, directories: 0, bytes: 0, stored: 0 };
  let members = 0;
  for (let member = reader.next(); member !== null; member = reader.next()) {
    const path = order.enter(member);
    const link =
      member.type === 'hardlink' && member.link !== null ? insidePath(member.link, 'link') : member.link;
    const content = member.type === 'file' ? hashContent(member, reader.content()) : null;
    output.writeLine(JSON.stringify(toLine(member, path, link, content)));
    members += 1;
    found[member.type === 'directory' ? 'directories' : 'files'] += 1;
    found.bytes += member.size;
    found.stored += member.stored;
  }
  if (members === 0) throw new Error('the archive is empty: not even its root is in it');
  const end: IndexEnd = { end: true, files: members, bytes: found.bytes };
  output.writeLine(JSON.stringify(end));
  output.flush();
  writeReport(report, found);
}

endWith(() => main(process.argv[2] ?? ''), 'bu-tar-index');
