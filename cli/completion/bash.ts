import type { AnyCommand } from '../command.ts';
import { wordsOf } from './words.ts';

/** A script for bash 3.2 and newer; it needs no bash-completion. */
export function completionScript(commands: readonly AnyCommand[]): string {
  const words = wordsOf(commands);
  const flagCases = words.map(
    ({ name, flags }) => `    ${name}) flags='${flags.map(({ flag }) => flag).join(' ')}' ;;`,
  );
  const all = words.flatMap(({ flags }) => flags);
  const paths = [...new Set(all.filter(({ takesPath }) => takesPath).map(({ flag }) => flag))];
  const chosen = new Map(
    all.filter(({ choices }) => choices.length > 0).map((each) => [each.flag, each.choices]),
  );
  const free = [
    ...new Set(
      all
        .filter((each) => each.takesValue && !each.takesPath && each.choices.length === 0)
        .map(({ flag }) => flag),
    ),
  ];
  return `# bash completion for backupctl
_backupctl() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} verb='' flags='' at
  COMPREPLY=()
  case $before in
${[...chosen].map(([flag, choices]) => `    ${flag}) COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$word")); return ;;`).join('\n')}
    ${paths.join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;
    ${free.join('|')}) return ;;
  esac
  for ((at = 1; at < COMP_CWORD; at++)); do
    case \${COMP_WORDS[at]} in
      --data-dir|--config) ((at++)) ;;
      -*) ;;
      *) verb=\${COMP_WORDS[at]}; break ;;
    esac
  done
  if [ -z "$verb" ]; then
    COMPREPLY=($(compgen -W '${words.map(({ name }) => name).join(' ')} help --help --version --data-dir --config' -- "$word"))
    return
  fi
  case $verb in
${flagCases.join('\n')}
  esac
  case $verb in
    help) COMPREPLY=($(compgen -W '${words.map(({ name }) => name).join(' ')}' -- "$word")); return ;;
    completion) [ "\${word#-}" = "$word" ] && { COMPREPLY=($(compgen -W 'bash zsh fish' -- "$word")); return; } ;;
  esac
  COMPREPLY=($(compgen -W "$flags" -- "$word"))
}
complete -o nosort -F _backupctl backupctl 2>/dev/null || complete -F _backupctl backupctl`;
}
