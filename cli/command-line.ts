import { BackupctlError } from '../errors/backupctl-error.ts';

/** The words of a command line, taken apart as far as is needed to know which command's module to load. */
export interface CommandLine {
  /** The first word that isn't a flag; undefined without one. */
  verb: string | undefined;
  /** All the others, in their order. */
  words: string[];
}

/** Flags with a value that may stand before the command as well. */
const valuedBeforeCommand = new Set(['--data-dir', '--config']);

/** Finds the command's name among the words. */
export function splitCommandLine(argv: readonly string[]): CommandLine {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (valuedBeforeCommand.has(word)) at++;
    else if (!word.startsWith('-')) return { verb: word, words: argv.toSpliced(at, 1) };
  }
  return { verb: undefined, words: [...argv] };
}

/** For a command that does not exist. Trove's users know two words as well: `schedule create`. */
export async function unknownCommand(verb: string, next: string | undefined): Promise<BackupctlError> {
  const [{ commandNames }, { nearest }] = await Promise.all([import('./catalog.ts'), import('./suggest.ts')]);
  const joined = `${verb}-${next ?? ''}`;
  const names: readonly string[] = commandNames;
  const near = names.includes(joined) ? joined : nearest(verb, names);
  return new BackupctlError('usage', `there is no command ${JSON.stringify(verb)}`, {
    hint: near ? `did you mean ${near}?` : '`backupctl --help` lists them all',
  });
}
