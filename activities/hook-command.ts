import type { Log } from '../engines/engine.ts';
import { Child } from '../engines/process/child.ts';
import { endTree } from '../engines/process/process-tree.ts';
import { StderrTail } from '../engines/process/stderr-tail.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';

/** Lines of each of its two outputs that the log keeps, and a message of its failure. */
const kept = 40;
const inMessage = 3;

export interface HookCommand {
  /** The hook's, for messages. */
  name: string;
  command: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Struck out of what it writes. */
  secrets: readonly string[];
  signal: AbortSignal;
  log: Log;
}

/**
 * Runs a command of a hook to its end. Its last lines go into the log. When the signal is aborted, it and all that it
 * started are ended first.
 * @throws BackupctlError failed for an exit code other than 0; the signal's reason
 */
export async function runHookCommand(hook: HookCommand): Promise<void> {
  const [program = '', ...words] = hook.command;
  hook.signal.throwIfAborted();
  const child = await Child.start({
    name: hook.name,
    command: program,
    args: words,
    env: hook.env,
    stdio: ['ignore', 'pipe'],
    secrets: hook.secrets,
  });
  const output = child.stdout === null ? null : new StderrTail(child.stdout, hook.secrets);
  let ending: Promise<void> | undefined;
  const end = () => {
    ending ??= endTree(child.pid);
  };
  hook.signal.addEventListener('abort', end, { once: true });
  if (hook.signal.aborted) end();
  try {
    const exit = await child.exited;
    await ending;
    // Something that goes on in the background may keep the output open: its words are not waited for.
    const said = output?.lines(kept) ?? [];
    child.stdout?.destroy();
    const errors = child.lines(kept);
    for (const line of said) hook.log.info(`${hook.name}: ${line}`);
    for (const line of errors) hook.log.warn(`${hook.name}: ${line}`);
    hook.signal.throwIfAborted();
    if (exit.code === 0) return;
    const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
    const last = (errors.length > 0 ? errors : said).slice(-inMessage).join(' | ');
    throw new BackupctlError('failed', `${hook.name} ended with ${how}${last === '' ? '' : `: ${last}`}`);
  } finally {
    hook.signal.removeEventListener('abort', end);
  }
}
