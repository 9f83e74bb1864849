// The entry of bin/backupctl. A start costs what it loads: the named command's module, and nothing of the others.
import { readFile } from 'node:fs/promises';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { splitCommandLine, unknownCommand } from './command-line.ts';
import { exitCodes } from './exit-codes.ts';

const interrupt = new AbortController();
/** Set for a command that takes Ctrl-C itself: the first one only aborts its signal. */
let interruptIsHandled = false;
let clearProgress = () => {};

process.on('SIGINT', () => {
  if (interruptIsHandled && !interrupt.signal.aborted) return interrupt.abort();
  clearProgress();
  process.exit(exitCodes.interrupted.code);
});
// Whoever reads has seen enough (`| head -1`), or is gone: nothing is left to be said, and nobody to say it to.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok.code);
    throw error;
  });
}

// Temporal's SDK tries a call again by a timer of its own, and where the connection was closed meanwhile it throws past
// everybody. Nobody waits for that call any more.
process.on('uncaughtException', (error) => {
  if (/^Channel has been (shut down|closed)/.test(error.message)) return;
  process.stderr.write(`${error.stack ?? error.message}\n`);
  process.exit(exitCodes.bug.code);
});

const argv = process.argv.slice(2);
const debug = argv.includes('--debug');
let exitCode: number;
try {
  exitCode = await main(argv);
} catch (error) {
  clearProgress();
  if (interrupt.signal.aborted) {
    exitCode = exitCodes.interrupted.code;
  } else {
    const { reportFailure } = await import('./failure.ts');
    exitCode = reportFailure(error, debug);
  }
}
// What a slow reader of a pipe has not taken yet would be cut off.
await Promise.all([process.stdout, process.stderr].map(flushed));
process.exit(exitCode);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0) resolve();
    else stream.write('', () => resolve());
  });
}

async function main(words: readonly string[]): Promise<number> {
  const { verb, words: rest } = splitCommandLine(words);
  if (verb === undefined || verb === 'help') return aboutBackupctl(verb, rest);

  const { loadCommand } = await import('./catalog.ts');
  const command = await loadCommand(verb);
  if (command === undefined) throw await unknownCommand(verb, rest[0]);

  const { parseArguments } = await import('./arguments.ts');
  const args = parseArguments(command, rest);
  if (args.help === true) {
    const { commandHelp } = await import('./help.ts');
    process.stdout.write(await commandHelp(command));
    return exitCodes.ok.code;
  }
  const { Context } = await import('./context.ts');
  const context = new Context(command.name, args, interrupt.signal);
  const { handlesInterrupt } = command;
  interruptIsHandled =
    handlesInterrupt === 'always' || (handlesInterrupt === 'waiting' && args.wait === true);
  clearProgress = () => context.progress.clear();
  try {
    return (await command.run(args, context)) ?? exitCodes.ok.code;
  } finally {
    await context.close();
  }
}

/** `--version`, `--help`, `help [COMMAND]`, and a command line without a command. */
async function aboutBackupctl(verb: string | undefined, words: readonly string[]): Promise<number> {
  if (words.includes('--version') || words.includes('-V')) {
    const file = await readFile(new URL('../package.json', import.meta.url), 'utf8');
    process.stdout.write(`backupctl ${(JSON.parse(file) as { version: string }).version}\n`);
    return exitCodes.ok.code;
  }
  const help = await import('./help.ts');
  const subject = verb === 'help' ? words[0] : undefined;
  if (subject !== undefined && !subject.startsWith('-')) {
    const { loadCommand } = await import('./catalog.ts');
    const command = await loadCommand(subject);
    if (command === undefined) throw await unknownCommand(subject, words[1]);
    process.stdout.write(await help.commandHelp(command));
  } else if (verb === 'help' || words.includes('--help') || words.includes('-h')) {
    process.stdout.write(await help.overview());
  } else {
    const flag = words.find((word) => word.startsWith('-'));
    throw new BackupctlError('usage', flag ? `${flag} is no command` : 'no command is given', {
      hint: '`backupctl --help` lists them all',
    });
  }
  return exitCodes.ok.code;
}
