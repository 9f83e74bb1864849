import type { AnyCommand } from '../command.ts';
import { quoted, wordsOf } from './words.ts';

const quote = (text: string) => quoted(text.replaceAll('\\', '\\\\'), "\\'");

/** A script for fish 3 and newer. */
export function completionScript(commands: readonly AnyCommand[]): string {
  const lines = wordsOf(commands).flatMap(({ name, summary, flags }) => [
    `complete -c backupctl -n $__backupctl_begins -f -a ${name} -d ${quote(summary)}`,
    ...flags.map(({ flag, describe, takesValue, takesPath, choices }) => {
      const value = [
        ...(takesValue ? ['-r'] : []),
        ...(takesPath ? ['-F'] : ['-f']),
        ...(choices.length > 0 ? [`-a '${choices.join(' ')}'`] : []),
      ];
      return `complete -c backupctl -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)} ${value.join(' ')} -d ${quote(describe)}`;
    }),
  ]);
  const names = commands.map(({ name }) => name).join(' ');
  return [
    '# fish completion for backupctl',
    `set -g __backupctl_begins 'not __fish_seen_subcommand_from ${names}'`,
    'complete -c backupctl -f',
    "complete -c backupctl -n $__backupctl_begins -l data-dir -r -F -d 'the platform to talk to'",
    "complete -c backupctl -n $__backupctl_begins -l config -r -F -d 'configuration file'",
    "complete -c backupctl -n $__backupctl_begins -l help -f -d 'list the commands'",
    "complete -c backupctl -n $__backupctl_begins -l version -f -d 'print the version'",
    ...lines,
    "complete -c backupctl -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'",
  ].join('\n');
}
