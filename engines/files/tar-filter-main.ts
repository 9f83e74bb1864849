import { readFileSync } from 'node:fs';
import { endWith } from '../process/own-program.ts';
import { attributesOf, isOfRoot } from './attributes.ts';
import { Choice, type ChoiceDocument } from './choice.ts';
import { shownPath } from './index-line.ts';
import { Output, writeReport } from './output.ts';
import { BLOCK, fromMember, padding } from './tar-format.ts';
import { TarReader } from './tar-reader.ts';
import { insidePath, TreeOrder } from './tree-order.ts';

/** What was let through to tar. */
export interface FilterReport {
  members: number;
  /** Devices, and attributes that only root may set. */
  devices: number;
  attributes: number;
  names: string[];
}

/**
 * `tar-filter-main CHOICE REPORT`: lets through from standard input to standard output what the document in the file
 * CHOICE wants of an archive. Nothing that could be written outside of a tree is let through, and no header is either: each
 * is written anew from what was read of it, so that tar cannot understand an archive in another way than this program did.
 */
function main(choiceFile: string, report: string): void {
  const choice = new Choice(JSON.parse(readFileSync(choiceFile, 'utf8')) as ChoiceDocument);
  const reader = new TarReader(0);
  const output = new Output(1);
  const order = new TreeOrder();
  const found: FilterReport = { members: 0, devices: 0, attributes: 0, names: [] };
  for (let member = reader.next(); member !== null; member = reader.next()) {
    const path = order.enter(member).toString('latin1');
    let link = member.link;
    if (member.type === 'hardlink' && link !== null) {
      link = named(choice.linkOf(insidePath(link, 'link').toString('latin1')));
    }
    const name = choice.nameOf(path, member.type);
    if (name === null) {
      if (!choice.asRoot && member.device !== null && choice.wanted(path) !== null) {
        found.devices += 1;
        if (found.names.length < 20) found.names.push(shownPath(member.path));
      }
      reader.skip();
      continue;
    }
    if (!choice.asRoot) {
      const kept = member.extra.filter((record) => !attributesOf([record]).some(isOfRoot));
      found.attributes += member.extra.length - kept.length;
      member.extra = kept;
    }
    output.write(fromMember(member, named(name), link));
    for (const piece of reader.content()) output.write(piece);
    output.write(Buffer.alloc(padding(member.stored)));
    found.members += 1;
  }
  output.write(Buffer.alloc(2 * BLOCK));
  output.flush();
  writeReport(report, found);
}

/** As tar writes it: with a `./` that keeps it from being an option or anything else. */
function named(path: string): Buffer {
  return Buffer.from(path === '.' ? './' : `./${path}`, 'latin1');
}

endWith(() => main(process.argv[2] ?? '', process.argv[3] ?? ''), 'bu-tar-filter');
