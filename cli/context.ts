import { resolve } from 'node:path';
import type { BackupClient } from '../client/client.ts';
import type { Config } from '../config/load.ts';
import { Output } from './output/output.ts';
import { ProgressLine } from './output/progress.ts';

/** What a command is given besides its arguments. */
export class Context {
  readonly command: string;
  readonly output: Output;
  readonly progress = new ProgressLine();
  /** `--data-dir`, as it was written. */
  readonly dataDir: string | undefined;
  /** `--config`, as it was written. */
  readonly configFile: string | undefined;
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal;
  #client: Promise<BackupClient> | undefined;

  constructor(command: string, flags: Record<string, unknown>, interrupted: AbortSignal) {
    this.command = command;
    this.output = new Output({
      json: flags.json === true,
      yaml: flags.yaml === true,
      long: flags.long === true,
    });
    this.dataDir = typeof flags.dataDir === 'string' ? flags.dataDir : undefined;
    this.configFile = typeof flags.config === 'string' ? flags.config : undefined;
    this.interrupted = interrupted;
  }

  /** The client; it connects when it is first asked for something. */
  client(): Promise<BackupClient> {
    this.#client ??= import('../client/client.ts').then(({ BackupClient }) =>
      BackupClient.open({
        dataDir: this.dataDir,
        configFile: this.configFile,
        onWarning: (line) => {
          this.progress.clear();
          this.output.note(line);
        },
      }),
    );
    return this.#client;
  }

  /** The configuration, for commands that need no platform. @throws BackupctlError configuration */
  async config(): Promise<Config> {
    const { loadConfig } = await import('../config/load.ts');
    return loadConfig({
      dataDir: this.dataDir,
      configFile: this.configFile,
      env: process.env,
      cwd: process.cwd(),
    });
  }

  /** For the client's `onProgress`. */
  readonly showProgress = (line: string): void => this.progress.show(line);

  /** The data directory that `--data-dir` or the environment names, absolute; undefined without one. */
  dataDirectory(): string | undefined {
    const named = this.dataDir ?? (process.env.BACKUPCTL_DATA_DIR || undefined);
    return named === undefined ? undefined : resolve(named);
  }

  async close(): Promise<void> {
    this.progress.clear();
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }
}
