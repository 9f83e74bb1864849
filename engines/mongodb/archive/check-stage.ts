import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ownProgram } from '../../process/own-program.ts';
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

/**
 * @param input the pipe that the archive comes through
 * @param oplog a file for the entries of its oplog; null: they only pass
 */
export function archiveCheck(input: string, scratch: string, oplog: string | null = null): ArchiveCheck {
  const file = join(scratch, `archive-${randomUUID()}.json`);
  return {
    stage: {
      ...ownProgram(import.meta.dirname, 'read-archive', [file, ...(oplog === null ? [] : [oplog])]),
      stdin: { pipe: input },
    },
    summary: async () => JSON.parse(await readFile(file, 'utf8')) as ArchiveSummary,
    remove: () => rm(file, { force: true }),
  };
}
