import type { Capabilities } from '../../../engines/facts.ts';
import { cases } from './subject.ts';
import type { Trial } from './trial.ts';

/** What an engine can do, by its own word. */
export function abilities(can: Capabilities): [what: string, answer: string][] {
  const yes = (value: boolean) => (value ? 'yes' : 'no');
  const { selection, restore } = can;
  return [
    ['methods', can.methods.join(', ')],
    ['increments', yes(can.increments)],
    ['backup `--include`', selection.include ?? 'no'],
    ['backup `--exclude`', selection.exclude ?? 'no'],
    ['backup `--schema-only`', yes(selection.schemaOnly)],
    ['backup `--data-only`', yes(selection.dataOnly)],
    ['restore `--create-database`', yes(restore.rename)],
    ['restore `--overwrite`', yes(restore.overwrite)],
    ['restore `--to-directory`', yes(restore.directory)],
    ['restore `--include`', restore.include ?? 'no'],
    ['restore, other words', restore.flags.map(flag).join(' ') || 'none'],
    ['statements in hooks', yes(can.statements)],
    ['drill', yes(can.drill)],
  ];
}

const flag = (name: string) => `\`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}\``;

/** The table that is printed at the end of a run. */
export function summary(trial: Trial): string {
  const { facts } = trial.workshop.engine;
  const width = Math.max(...Object.values(cases).map((words) => words.length)) + 2;
  const line = (what: string, answer: string) => `  ${what.padEnd(width)}${answer}`;
  return [
    `${facts.title}, on ${trial.running.ranAgainst}`,
    ...abilities(facts.capabilities).map(([what, answer]) => line(what.replaceAll('`', ''), answer)),
    ...(Object.keys(cases) as (keyof typeof cases)[]).map((name) =>
      line(cases[name], trial.outcomes.get(name) ?? 'was not run'),
    ),
    ...trial.subject.notShown.map((words) => `  not shown: ${words}`),
  ].join('\n');
}
