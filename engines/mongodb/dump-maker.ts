import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ownProgram } from '../process/own-program.ts';
import type { Stage } from '../process/pipeline.ts';
import type { Choice } from './archive/write-definitions.ts';
import type { MongoTool } from './tools.ts';

/** Who writes an archive: mongodump, told by words what to take; or we, where documents are not wanted. */
export type Maker = { mongodump: MongoTool; what: readonly string[] } | { definitionsOf: Choice };

export interface MakerStage {
  /** @param args the words that say to whom and as whom */
  stage(args: readonly string[]): Pick<Stage, 'name' | 'command' | 'args'>;
  /** Takes its files away. Idempotent. */
  remove(): Promise<void>;
}

/** The first stage of a dump. */
export async function makerStage(maker: Maker, scratch: string): Promise<MakerStage> {
  if ('mongodump' in maker) {
    const { mongodump, what } = maker;
    return {
      stage: (args) => ({
        name: 'mongodump',
        command: mongodump.path,
        args: [...args, '--archive', ...what],
      }),
      remove: async () => {},
    };
  }
  // Names of collections may be more than a command line takes.
  const file = join(scratch, `choice-${randomUUID()}.json`);
  await writeFile(file, JSON.stringify(maker.definitionsOf), { mode: 0o600, flag: 'wx' });
  return {
    stage: (args) => ownProgram(join(import.meta.dirname, 'archive'), 'write-definitions', [...args, file]),
    remove: () => rm(file, { force: true }),
  };
}
