import { existsSync } from 'node:fs';
import { engineEntries, factsOf } from '../../engines/registry.ts';
import { subjects } from '../../test/conformance/engines/all.ts';
import { type Case, cases } from '../../test/conformance/engines/subject.ts';
import { abilities } from '../../test/conformance/engines/summary.ts';
import { generatedNotice, table } from './markdown.ts';

/** The text of `docs/engines/README.md`. */
export async function engineReference(): Promise<string> {
  const engines = await Promise.all(
    engineEntries.map(async ({ name }) => {
      const facts = await factsOf(name);
      const subject = subjects.find(({ engine }) => engine === name);
      const { notShown, without } = subject?.onSetUp ?? subject ?? { notShown: [], without: {} };
      const hasPage = existsSync(new URL(`../../docs/engines/${name}.md`, import.meta.url));
      const can = new Map(abilities(facts.capabilities));
      const tried = subject !== undefined;
      return { name, facts, notShown, without: new Map(Object.entries(without)), hasPage, can, tried };
    }),
  );
  const heads = engines.map(({ name, facts, hasPage }) =>
    hasPage ? `[${facts.title}](${name}.md)` : facts.title,
  );
  const what = [...(engines[0]?.can.keys() ?? [])];
  return `${[
    '# What each engine can do',
    generatedNotice('the engines and the subjects of their tests'),
    `An instance's URL says which engine it is for. \`instance-show --long\` tells in words what a backup of an instance will
contain. How another engine is added stands in [adding an engine](../adding-an-engine.md).`,
    table(
      ['Engine', 'URL'],
      engines.map(({ facts }, n) => [heads[n] ?? '', facts.urlForms.map(inCode).join('<br>')]),
    ),
    '## Abilities',
    `What an engine cannot do is refused before anything is started, in one line.`,
    table(
      ['', ...heads],
      what.map((ability) => [ability, ...engines.map(({ can }) => can.get(ability) ?? '')]),
    ),
    '## What is tried',
    `One suite of cases runs for every engine, on real servers, with each \`npm test\`
(\`test/conformance/engines/suite.ts\`); it prints what it ran on, and what that machine kept it from. A dash: it means
nothing for that engine, or nothing that the set-up brings can show it; see below.`,
    table(
      ['', ...heads],
      (Object.keys(cases) as Case[]).map((name) => [
        cases[name],
        ...engines.map(({ without, tried }) => (!tried ? 'not yet' : without.has(name) ? '–' : 'yes')),
      ]),
    ),
    '## What is not shown',
    ...engines.map(({ facts, notShown, without }) => {
      const dashes = [...without].map(([name, why]) => `- ${cases[name as Case]}: ${why}`);
      const lines = [...dashes, ...notShown.map((line) => `- ${line}`)];
      return [`**${facts.title}**`, '', ...(lines.length === 0 ? ['- nothing is left'] : lines)].join('\n');
    }),
  ].join('\n\n')}\n`;
}

/** The form of a URL in code, and what is said about it behind. */
function inCode(line: string): string {
  const [, form = line, rest = ''] = /^(\S+)(.*)$/.exec(line) ?? [];
  const [, bare = form, mark = ''] = /^(.*?)([;:]?)$/.exec(form) ?? [];
  return `\`${bare}\`${mark}${rest}`;
}
