import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { ObjectRecord } from '../../repository/manifest.ts';
import type { DumpOutcome, DumpRequest, DumpSink, RunContext, Target } from '../engine.ts';
import { compressionLevel } from '../process/compression.ts';
import { findProgram, versionOf } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import { dataStream, type Inventory, type SqliteIndex } from './backup-index.ts';
import { freeIn } from './probe.ts';
import { sqlite } from './program.ts';
import { bytesOf, checkSource } from './source-file.ts';
import { pathOf } from './url.ts';

/**
 * Takes a whole backup: SQLite's online backup into the scratch folder, as of one instant and with no lock held for longer than
 * a copy takes; then that file through zstd, while another process looks it through.
 * @throws BackupctlError
 */
export async function dump(
  target: Target,
  request: DumpRequest,
  sink: DumpSink,
  run: RunContext,
): Promise<DumpOutcome> {
  const path = pathOf(target.url);
  const { mode, uid, gid } = await checkSource(path);
  const zstd = await findProgram('zstd');
  await checkRoom(path, run);
  const copy = join(run.scratch, `copy-${randomUUID()}.sqlite`);
  try {
    run.log.info(`copying ${path}`);
    const { sqlite_version, snapshot_at } = await sqlite('copy', path, run, {
      lockSeconds: request.lockWaitSeconds,
      copy,
    });
    const { objects, inventory } = await stream(copy, zstd, sink, run);
    const { damage, page_size, page_count } = inventory;
    const index: SqliteIndex = {
      format: 1,
      engine: 'sqlite',
      sqlite_version,
      path,
      mode: mode & 0o7777,
      uid,
      gid,
      inventory,
    };
    objects.push(await sink.writeIndex('index', index));
    run.log.info(`${path} is read`, { objects: inventory.objects.length, bytes: page_size * page_count });
    return {
      engineVersion: sqlite_version,
      method: 'physical',
      position: null,
      contents: [{ name: basename(path), stream: dataStream, size: page_size * page_count }],
      objects,
      tools: [
        { name: 'sqlite', version: sqlite_version, role: 'made' },
        { name: 'zstd', version: (await versionOf(zstd))?.version ?? 'unknown', role: 'made' },
        { name: 'sqlite', version: '3', role: 'needed' },
      ],
      details: { path, journal: inventory.journal, damaged: damage.length > 0 },
      warnings:
        damage.length === 0
          ? []
          : [`the database is damaged, and so is this backup of it: ${damage.slice(0, 5).join('; ')}`],
      startedAt: new Date(snapshot_at),
    };
  } finally {
    await rm(copy, { force: true });
  }
}

/** @throws BackupctlError no-space */
async function checkRoom(path: string, run: RunContext): Promise<void> {
  const [room, needed] = [await freeIn(run.scratch), await bytesOf(path)];
  if (room === null || room >= needed) return;
  throw new BackupctlError(
    'no-space',
    `${path} is copied before it is compressed, and there is room for ${room} of ${needed} bytes in ${run.scratch}`,
    { hint: 'make room, or have the scratch folder of the worker on a larger disk' },
  );
}

async function stream(
  copy: string,
  zstd: string,
  sink: DumpSink,
  run: RunContext,
): Promise<{ objects: ObjectRecord[]; inventory: Inventory }> {
  const stop = new AbortController();
  const signal = AbortSignal.any([run.signal, stop.signal]);
  const pipeline = await Pipeline.start({
    scratch: run.scratch,
    signal,
    stages: [
      {
        name: 'zstd',
        command: zstd,
        args: ['-q', compressionLevel, '--check', '-c', '--', copy],
        stdout: 'stream',
      },
    ],
  });
  const { stream } = pipeline;
  if (stream === null) throw new Error('the last stage streams');
  const inspected = sqlite('inspect', copy, { ...run, signal });
  // A failure of either ends the other at once, and with it the upload.
  inspected.catch((error) => stop.abort(error));
  const finished = Promise.all([pipeline.finished, inspected]).then(() => {});
  finished.catch((error) => stop.abort(error));
  try {
    const objects = await sink.write(dataStream, {
      stream,
      finished,
      brought: () => pipeline.streamed,
      frames: 'zstd',
      disposable: true,
    });
    return { objects, inventory: await inspected };
  } catch (error) {
    stop.abort(error);
    await inspected.catch(() => {});
    throw error;
  } finally {
    stream.destroy();
    await pipeline.terminate(); // it has ended, but where the upload failed
  }
}
