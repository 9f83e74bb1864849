import { open } from 'node:fs/promises';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';

/** Bytes beyond which nobody has written the file by hand, and beyond which it is not read. */
const mostBytes = 16 * 1024 * 1024;

/** The text of a file of YAML. @throws BackupctlError not-found; usage for what is no text, or too long */
export async function readWorkbookFile(path: string): Promise<string> {
  const bytes = await readBytes(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BackupctlError('usage', `${path} is not UTF-8`, {
      hint: 'save it as UTF-8: a workbook is a text',
      cause,
    });
  }
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, 'r');
    // A pipe has no size, and no end either before it is closed: so it is read by pieces.
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of file.createReadStream({ autoClose: false })) {
      pieces.push(piece as Buffer);
      size += (piece as Buffer).length;
      if (size > mostBytes) {
        throw new BackupctlError('usage', `${path} has more than ${mostBytes / 1024 / 1024} MiB`, {
          hint: 'divide it into several workbooks',
        });
      }
    }
    return Buffer.concat(pieces);
  } catch (error) {
    if (error instanceof BackupctlError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new BackupctlError('not-found', `there is no file ${path}`);
    if (code === 'EISDIR') throw new BackupctlError('usage', `${path} is a directory, and no file`);
    throw new BackupctlError('usage', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
