import type { ActionFacts } from '../../workbooks/actions/action.ts';
import { generatedNotice, table } from './markdown.ts';

/** The text of `docs/actions.md`. */
export function actionReference(actions: readonly ActionFacts[]): string {
  const families = [...new Set(actions.map(({ name }) => name.split('.')[0] ?? ''))].toSorted();
  const parts = [
    '# Every action',
    generatedNotice('`workbooks/actions/`'),
    'What each does, and with what limits, is in [actions of workbooks](workbook-actions.md). A parameter without a value has to\n' +
      'be given; the value of another is what it is by default.',
    ...families.flatMap((family) => [
      `## ${family}`,
      table(
        ['Action', 'Parameters', ''],
        actions.filter(({ name }) => name.startsWith(`${family}.`)).map(rowOf),
      ),
    ]),
  ];
  return `${parts.join('\n\n')}\n`;
}

function rowOf({ name, parameters, description, synchronous }: ActionFacts): string[] {
  const list = parameters.map((parameter) =>
    parameter.default === undefined
      ? `\`${parameter.name}\``
      : `\`${parameter.name}=${JSON.stringify(parameter.default)}\``,
  );
  return [`\`${name}\``, list.join(', '), `${description}${synchronous ? '' : ' Asynchronous.'}`];
}
