import { loadAllCommands } from './catalog.ts';
import { type AnyCommand, flagsOf, groups, kebabCase, type Parameter } from './command.ts';

/** `schedule-create INSTANCE PATTERN NAME [flags]` */
export function synopsis(command: AnyCommand): string {
  const positionals = Object.entries(command.positionals).map(([name, { optional }]) => {
    const label = kebabCase(name).toUpperCase();
    return optional ? `[${label}]` : label;
  });
  const required = Object.entries(command.flags)
    .filter(([, parameter]) => 'required' in parameter)
    .map(([name, parameter]) => flagText(name, parameter));
  return [command.name, ...positionals, ...required, '[flags]'].join(' ');
}

/** `--limit N`, `--overlap skip|wait|cancel-other`, `--json` */
export function flagText(name: string, parameter: Parameter): string {
  const flag = `--${kebabCase(name)}`;
  if (parameter.type === 'switch') return flag;
  if (parameter.type === 'duration' && parameter.alone !== undefined) return `${flag} [${parameter.value}]`;
  return `${flag} ${parameter.type === 'choice' ? parameter.choices.join('|') : parameter.value}`;
}

/** What `describe` says, and what it is when left out. */
export function flagMeaning(parameter: Parameter): string {
  const notes = [
    ...(parameter.type === 'texts' ? ['can be repeated'] : []),
    ...('required' in parameter ? ['required'] : []),
    ...(parameter.default === undefined ? [] : [`default: ${parameter.default}`]),
    ...(parameter.type === 'duration' && parameter.alone !== undefined ? [`alone: ${parameter.alone}`] : []),
  ];
  return notes.length === 0 ? parameter.describe : `${parameter.describe} [${notes.join(', ')}]`;
}

/** The text of `backupctl COMMAND --help`. */
export async function commandHelp(command: AnyCommand): Promise<string> {
  const positionals = Object.entries(command.positionals).map(
    ([name, { describe }]) => [kebabCase(name).toUpperCase(), describe] as const,
  );
  const flags = Object.entries(flagsOf(command)).map(
    ([name, parameter]) => [flagText(name, parameter), flagMeaning(parameter)] as const,
  );
  const examples = command.examples.map(([line, what]) => `  ${what}:\n    ${line}`);
  const parts = [
    `Usage: backupctl ${synopsis(command)}`,
    wrap(`${command.summary}.${command.description ? ` ${command.description}` : ''}`, 0),
    ...(positionals.length === 0 ? [] : [`Arguments:\n${twoColumns(positionals)}`]),
    `Flags:\n${twoColumns(flags)}`,
    `Examples:\n${examples.join('\n')}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

/** The text of `backupctl --help`: every command, by group. */
export async function overview(): Promise<string> {
  const commands = await loadAllCommands();
  const width = Math.max(...commands.map(({ name }) => name.length));
  const sections = groups.map((group) => {
    const rows = commands.filter((command) => command.group === group);
    return `${group}:\n${rows.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}`;
  });
  return `${[
    'Usage: backupctl COMMAND [arguments] [flags]',
    'Scheduled, sealed and verified backups of databases, on Temporal and a bucket.',
    ...sections,
    'Every command takes --help (with examples), --data-dir and --config; lists and things take --json, --yaml and\n' +
      '--long. BACKUPCTL_DATA_DIR names the platform to talk to. Start with `backupctl up --data-dir DIRECTORY`.',
  ].join('\n\n')}\n`;
}

const lineWidth = 100;

function twoColumns(rows: readonly (readonly [string, string])[]): string {
  const left = Math.min(34, Math.max(...rows.map(([label]) => label.length)));
  return rows
    .map(([label, text]) => {
      const body = wrap(text, left + 4);
      return label.length > left
        ? `  ${label}\n${' '.repeat(left + 4)}${body}`
        : `  ${label.padEnd(left)}  ${body}`;
    })
    .join('\n');
}

/** Breaks a text into lines; those after the first are indented. */
function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > lineWidth) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}
