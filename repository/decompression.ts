import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BackupctlError } from '../errors/backupctl-error.ts';

/**
 * Decompresses to nowhere, with the `zstd` command: it checks every frame's checksum and that the last frame is
 * whole, which Node's zstd streams do not (nodejs/node#64592, #64741). The child is started with the first bytes.
 */
export class DecompressionCheck {
  #child: ReturnType<typeof start> | null = null;

  /** Hands bytes on, as fast as they are taken. @throws BackupctlError corrupt, missing-tool */
  async write(bytes: Uint8Array): Promise<void> {
    this.#child ??= start();
    const { process, ended } = this.#child;
    if (process.stdin.destroyed) return; // It gave up; `finish` says why.
    if (process.stdin.write(bytes)) return;
    await Promise.race([once(process.stdin, 'drain'), ended]).catch(() => {});
  }

  /** @throws BackupctlError corrupt when the bytes were not whole zstd frames, missing-tool */
  async finish(): Promise<void> {
    this.#child ??= start();
    this.#child.process.stdin.end();
    await this.#child.ended;
  }

  /** Ends the child, whatever it thinks. */
  async abort(): Promise<void> {
    this.#child?.process.kill('SIGKILL');
    await this.#child?.ended.catch(() => {});
  }
}

function start() {
  const child = spawn('zstd', ['-d', '-q', '-c'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
  });
  let words = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    if (words.length < 1000) words += text;
  });
  // A child that gave up closes its end; its exit code is what counts.
  child.stdin.on('error', () => {});
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'ENOENT'
          ? new BackupctlError('missing-tool', 'the zstd command is not there', {
              hint: 'install zstd',
              cause,
            })
          : new BackupctlError('failed', `zstd cannot be started: ${cause.message}`, { cause }),
      );
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve();
      const why = words.replace(/\s+/g, ' ').trim() || `it ended with ${code ?? signal}`;
      reject(new BackupctlError('corrupt', `zstd cannot decompress it: ${why}`));
    });
  });
  ended.catch(() => {});
  return { process: child, ended };
}
