import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Stage } from '../../process/pipeline.ts';
import type { ArchiveSummary } from './reader.ts';

/** A stage that reads an archive as it passes and fails where it is not whole, and what it found then. */
export interface ArchiveCheck {
  stage: Stage;
  /** To be called once the pipeline has finished well. */
  summary(): Promise<ArchiveSummary>;
  /** Takes its files away. Idempotent. */
  remove(): Promise<void>;
}

// A checkout has it as TypeScript, a package as JavaScript.
const program = fileURLToPath(new URL(`./read-main${extname(import.meta.filename)}`, import.meta.url));

/**
 * @param input the pipe that the archive comes through
 * @param oplog a file for the entries of its oplog; null: they only pass
 */
export function archiveCheck(input: string, scratch: string, oplog: string | null = null): ArchiveCheck {
  const file = join(scratch, `archive-${randomUUID()}.json`);
  return {
    stage: {
      name: 'the reader of the archive as it passes',
      command: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', program, file, ...(oplog === null ? [] : [oplog])],
      stdin: { pipe: input },
    },
    summary: async () => JSON.parse(await readFile(file, 'utf8')) as ArchiveSummary,
    remove: () => rm(file, { force: true }),
  };
}
