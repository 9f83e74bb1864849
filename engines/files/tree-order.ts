import { shownPath } from './index-line.ts';
import { damaged, type Member } from './tar-format.ts';

const slash = 0x2f;
const here = Buffer.from('.');

/**
 * Sees to it that an archive is a tree that was walked from its root: each thing lies in a directory that came before
 * it and is still a directory, all below the one root. So nothing in it can be written through a link, or outside. What
 * it holds in memory is the path at hand.
 */
export class TreeOrder {
  /** The directories on the way to the member at hand, from the root on. */
  readonly #open: Buffer[] = [];

  /**
   * @returns the member's path from the root, `.` for the root itself
   * @throws BackupctlError corrupt for a member that is not where it may be
   */
  enter(member: Member): Buffer {
    const path = insidePath(member.path, 'member');
    const cut = path.lastIndexOf(slash);
    const parent = path.equals(here) ? null : cut === -1 ? here : path.subarray(0, cut);
    if (parent === null) {
      if (member.type !== 'directory' || this.#open.length > 0)
        throw damaged('a root that is no directory, or two');
    } else {
      while (this.#open.length > 0 && this.#open.at(-1)?.equals(parent) === false) this.#open.pop();
      if (this.#open.length === 0) {
        throw damaged(`${shownPath(member.path)}, which lies in no directory of the archive`);
      }
    }
    if (member.type === 'directory') this.#open.push(path);
    return path;
  }
}

/**
 * A name of the archive as a path from its root. @throws BackupctlError corrupt for one that leads out of it
 */
export function insidePath(name: Buffer, what: string): Buffer {
  if (name.length === 0 || name.includes(0)) throw damaged(`a ${what} without a name`);
  if (name[0] === slash) throw damaged(`the ${what} ${shownPath(name)}, which is absolute`);
  if (isPlain(name)) return name.subarray(2, name.at(-1) === slash ? -1 : undefined);
  // As latin1 each byte is a letter, so that nothing of the name is lost.
  const parts = name
    .toString('latin1')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw damaged(`the ${what} ${shownPath(name)}, which leads out of the tree`);
  return parts.length === 0 ? here : Buffer.from(parts.join('/'), 'latin1');
}

/** Whether it is as tar writes it, `./a/b` or `./a/b/`: then nothing has to be looked for in its parts. */
function isPlain(name: Buffer): boolean {
  if (name.length < 4 || name[0] !== 0x2e || name[1] !== slash) return false;
  let length = 0;
  let dots = 0;
  for (let at = 2; at < name.length; at += 1) {
    const byte = name[at];
    if (byte !== slash) {
      length += 1;
      if (byte === 0x2e) dots += 1;
      continue;
    }
    if (length === dots && length < 3) return false;
    length = 0;
    dots = 0;
  }
  return name.at(-1) === slash || length > dots || length > 2;
}
