import type { AnyCommand } from '../command.ts';
import { quoted, wordsOf } from './words.ts';

const quote = (text: string) => quoted(text, "'\\''");
/** In what \`_describe\` and \`_arguments\` read, colons and brackets have meanings. */
const described = (text: string) => text.replace(/[\\:[\]]/g, (letter) => `\\${letter}`);

/** A script for zsh, to be sourced after \`compinit\`. */
export function completionScript(commands: readonly AnyCommand[]): string {
  const words = wordsOf(commands);
  const cases = words.map(({ name, flags }) => {
    const specs = flags.map(({ flag, describe, takesValue, takesPath, choices }) => {
      const value =
        choices.length > 0 ? `:value:(${choices.join(' ')})` : takesPath ? ':file:_files' : ':value: ';
      return quote(`*${flag}[${described(describe)}]${takesValue ? value : ''}`);
    });
    const rest = name === 'completion' ? "'1:shell:(bash zsh fish)'" : "'*: : '";
    return `      ${name}) _arguments ${[...specs, rest].join(' \\\n        ')} ;;`;
  });
  return `#compdef backupctl
# zsh completion for backupctl
_backupctl() {
  local -a commands
  commands=(
${words.map(({ name, summary }) => `    ${quote(`${name}:${described(summary)}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
  else
    local verb=$words[2]
    shift words
    (( CURRENT-- ))
    case $verb in
${cases.join('\n')}
    esac
  fi
}
compdef _backupctl backupctl`;
}
