import { Child } from '../../engines/process/child.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { answerWithin, type Channel, type Rendered } from './channel.ts';

/** Runs a program: the message as JSON on its standard input, an environment built from nothing, no shell. */
export function command([program = '', ...words]: readonly string[]): Channel {
  return {
    async send({ json }: Rendered, signal: AbortSignal): Promise<string> {
      const name = program.slice(program.lastIndexOf('/') + 1);
      const child = await Child.start({ name, command: program, args: words, stdio: ['pipe', 'ignore'] });
      let late = false;
      const end = () => void child.terminate();
      const timer = setTimeout(() => {
        late = true;
        end();
      }, answerWithin * 1000);
      signal.addEventListener('abort', end, { once: true });
      try {
        child.stdin?.end(json);
        const exit = await child.exited;
        if (late) throw new BackupctlError('failed', `${name} did not end within ${answerWithin} s`);
        if (exit.code !== 0) throw child.failure(exit);
        return 'exit code 0';
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
      }
    },
  };
}
