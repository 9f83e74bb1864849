import type { AnyCommand } from '../command.ts';
import { quoted, wordsOf } from './words.ts';

const quote = (text: string) => quoted(text.replaceAll('\\', '\\\\'), "\\'");

/** A script for fish 3 and newer. */
export function completionScript(commands: readonly AnyCommand[]): string {
  const lines = wordsOf(commands).flatMap(({ name, summary, flags }) => [
    `complete -c backupctl -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
    ...flags.map(({ flag, describe, takesValue, takesPath, choices }) => {
      const value = [
        ...(takesValue ? ['-r'] : []),
        ...(takesPath ? ['-F'] : ['-f']),
        ...(choices.length > 0 ? [`-a '${choices.join(' ')}'`] : []),
      ];
      return `complete -c backupctl -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)} ${value.join(' ')} -d ${quote(describe)}`;
    }),
  ]);
  return [
    '# fish completion for backupctl',
    'complete -c backupctl -f',
    ...lines,
    "complete -c backupctl -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'",
  ].join('\n');
}
