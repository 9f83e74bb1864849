import { openSync, readSync } from 'node:fs';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { endWith } from '../process/own-program.ts';
import { attributesOf, entryOf, entrySize, isOfRoot } from './attributes.ts';
import { shownPath } from './index-line.ts';
import { writeReport } from './output.ts';
import { TarReader } from './tar-reader.ts';
import { insidePath } from './tree-order.ts';

/** How the attributes of a tree differ from its index. */
export interface AttributeReport {
  /** Files whose attributes are what they were. */
  same: number;
  /** Those whose are not, and one of them. */
  other: number;
  first: string;
  /** Those that could not be looked at. */
  unread: number;
}

/**
 * `attribute-check-main ENTRIES REPORT root|user`: reads an archive that tar has made of files of a restored tree, and
 * compares their attributes with the entries (see `entryOf`) of the same files, in the same order, in the file ENTRIES. That
 * file may grow meanwhile: an entry is in it before tar hears of the file.
 */
function main(entries: string, report: string, asRoot: boolean): void {
  const descriptor = openSync(entries, 'r');
  const reader = new TarReader(0);
  const found: AttributeReport = { same: 0, other: 0, first: '', unread: 0 };
  const next = () => {
    const entry = Buffer.alloc(entrySize);
    return readSync(descriptor, entry, 0, entrySize, null) === entrySize ? entry : null;
  };
  const half = entrySize / 2;
  try {
    for (let member = reader.next(); member !== null; member = reader.next()) {
      const attributes = attributesOf(member.extra).filter((each) => asRoot || !isOfRoot(each));
      const path = insidePath(member.path, 'member');
      const seen = entryOf(path, attributes);
      reader.skip();
      let entry = next();
      for (; entry !== null && entry.compare(seen, 0, half, 0, half) !== 0; entry = next()) found.unread += 1;
      if (entry === null) throw new Error('tar has archived what it was not told of');
      if (entry.equals(seen)) found.same += 1;
      else {
        if (found.other === 0) found.first = shownPath(path);
        found.other += 1;
      }
    }
  } catch (error) {
    // Where tar could go no further, the rest was not looked at.
    if (!(error instanceof BackupctlError)) throw error;
  }
  while (next() !== null) found.unread += 1;
  writeReport(report, found);
}

endWith(
  () => main(process.argv[2] ?? '', process.argv[3] ?? '', process.argv[4] === 'root'),
  'bu-attribute-check',
);
