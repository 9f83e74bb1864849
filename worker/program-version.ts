import { readFile } from 'node:fs/promises';

/** The version that package.json names: beside the sources, or above the compiled files. */
export async function programVersion(): Promise<string> {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(await readFile(new URL(place, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (name === 'backupctl' && version !== undefined) return version;
    } catch {
      // The other place.
    }
  }
  return 'unknown';
}
