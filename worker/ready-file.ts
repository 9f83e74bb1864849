import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from './private-file.ts';

/** `platform.json`, and the ready-file: where a platform is. Clients read the first one. */
export interface PlatformFile {
  platform_id: string;
  pid: number;
  /** ISO 8601. */
  started_at: string;
  temporal_address: string;
  namespace: string;
  /** Of /healthz, /readyz and /metrics. */
  port: number;
  ui_port: number;
  task_queue: string;
  /** Of the repository that it works on. */
  repository_id: string;
}

const pathIn = (dataDir: string) => join(dataDir, 'platform.json');

/** What the last `up` of a data directory wrote, or null: its ports are tried again. */
export function formerPlatform(dataDir: string): Partial<PlatformFile> | null {
  try {
    const found: unknown = JSON.parse(readFileSync(pathIn(dataDir), 'utf8'));
    return typeof found === 'object' && found !== null ? found : null;
  } catch {
    return null;
  }
}

export function writePlatformFile(dataDir: string, platform: PlatformFile): void {
  writePrivateFile(pathIn(dataDir), textOf(platform));
}

/** Says that everything answers. */
export function writeReadyFile(path: string, platform: PlatformFile): void {
  writePrivateFile(path, textOf(platform));
}

/** Before a start and after a stop: a ready-file that lies would be worse than none. */
export function removeReadyFile(path: string): void {
  rmSync(path, { force: true });
}

const textOf = (platform: PlatformFile) => `${JSON.stringify(platform, null, 2)}\n`;
