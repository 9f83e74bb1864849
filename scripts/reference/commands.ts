import {
  type AnyCommand,
  commonFlags,
  groups,
  kebabCase,
  outputFlags,
  outputFlagsOf,
  type Parameters,
} from '../../cli/command.ts';
import { exitCodes } from '../../cli/exit-codes.ts';
import { flagMeaning, flagText, synopsis } from '../../cli/help.ts';
import { generatedNotice, table } from './markdown.ts';

/** The text of `docs/commands.md`. */
export function commandReference(commands: readonly AnyCommand[]): string {
  const codes = Object.values(exitCodes).map(({ code, meaning }) => [String(code), meaning]);
  const parts = [
    '# Commands',
    generatedNotice('the declarations in `cli/commands/`'),
    'Times are UTC. `--help` prints the same for one command, `backupctl completion bash|zsh|fish` completes commands\n' +
      'and flags. A time that is given is a number of seconds, or such as `90s`, `15m`, `6h`, `1d`, `1h30m`.',
    ...groups.map((group) => {
      const rows = commands.filter((command) => command.group === group);
      const list = rows.map(({ name, summary }) => `- [\`${name}\`](#${name}): ${summary}`);
      return `**${group}**\n\n${list.join('\n')}`;
    }),
    '## Flags of every command',
    flagTable(commonFlags),
    '## Flags of commands that print',
    flagTable(outputFlags),
    'A list is an array in the order of the table, a single thing an object. Keys are in snake_case, times in ISO 8601;\n' +
      'nothing else goes to standard output. Colours and progress lines are for terminals only; `NO_COLOR` is heeded.',
    '## Exit codes',
    table(['Code', 'Meaning'], codes),
    'An error is one line on standard error: `backupctl: what is wrong (where): what to do`.',
    ...commands.map(commandSection),
  ];
  return `${parts.join('\n\n')}\n`;
}

function commandSection(command: AnyCommand): string {
  const positionals = Object.entries(command.positionals).map(([name, { describe, optional }]) => [
    `\`${kebabCase(name).toUpperCase()}\``,
    optional ? `${describe} (optional)` : describe,
  ]);
  const shaping = Object.keys(outputFlagsOf(command)).map((name) => `\`--${name}\``);
  const examples = command.examples.map(([line, what]) => `# ${what}\n${line}`);
  return [
    `## ${command.name}`,
    `${command.summary}.${command.description ? ` ${command.description}` : ''}`,
    `\`\`\`\nbackupctl ${synopsis(command)}\n\`\`\``,
    ...(positionals.length > 0 ? [table(['Argument', 'Meaning'], positionals)] : []),
    ...(Object.keys(command.flags).length > 0 ? [flagTable(command.flags)] : []),
    `Takes ${shaping.length > 0 ? `${shaping.join(', ')} and ` : ''}the flags of every command.`,
    `\`\`\`sh\n${examples.join('\n\n')}\n\`\`\``,
  ].join('\n\n');
}

function flagTable(flags: Parameters): string {
  return table(
    ['Flag', 'Meaning'],
    Object.entries(flags).map(([name, flag]) => [`\`${flagText(name, flag)}\``, flagMeaning(flag)]),
  );
}
