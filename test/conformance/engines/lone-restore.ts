import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestoreRequest, Target } from '../../../engines/engine.ts';
import { engineNamed } from '../../../engines/registry.ts';
import type { Manifest } from '../../../repository/manifest.ts';
import { Gate } from './gate.ts';
import { by } from './workshop.ts';

/** What a worker is given that is to be lost. */
export interface LoneRestore {
  target: Target;
  request: RestoreRequest;
  manifest: Manifest;
  executionId: string;
  /** Where the streams lie, unsealed, and what their indexes say, by name. */
  folder: string;
  indexes: Record<string, unknown>;
  scratch: string;
  /** Bytes of data after which it holds still, and says so. */
  after: number;
}

/** `lone-restore FILE`: a restore in a process of its own, which holds still half-way and waits for its end. */
async function main(file: string): Promise<void> {
  const given = JSON.parse(await readFile(file, 'utf8')) as LoneRestore;
  const { manifest, target, request, executionId, folder, scratch } = given;
  const engine = await engineNamed(manifest.engine);
  const gate = new Gate(given.after);
  void gate.reached.then(() => process.stdout.write('held\n'));
  const isData = (stream: string) =>
    manifest.objects.some((object) => object.stream === stream && object.role === 'data');
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const restored = await engine.restore(
    target,
    request,
    {
      manifest,
      index: async (name) => given.indexes[name],
      open: async (stream) => {
        const bytes = createReadStream(join(folder, stream));
        return isData(stream) ? by(gate.stream)(bytes) : bytes;
      },
    },
    { executionId, signal: new AbortController().signal, log, scratch, progress: () => {} },
  );
  throw new Error(`it was not held: ${JSON.stringify(restored)}`);
}

await main(process.argv[2] ?? '');
