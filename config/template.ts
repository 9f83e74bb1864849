/** What a message's template may name. See docs/notifications.md. */
export const templateNames = [
  'subject',
  'kind',
  'count',
  'first',
  'names',
  'reason',
  'cause',
  'lines',
  'platform',
  'at',
] as const;
export type TemplateName = (typeof templateNames)[number];

const placeholder = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** What is wrong with a template, as it should read after "expected"; null where nothing is. */
export function templateProblem(text: string): string | null {
  for (const [, name = ''] of text.matchAll(placeholder)) {
    if (!(templateNames as readonly string[]).includes(name)) {
      return `a text whose placeholders are among {{${templateNames.join('}}, {{')}}}`;
    }
  }
  const rest = text.replaceAll(placeholder, '');
  return /\{\{|\}\}/.test(rest) ? 'a text in which each {{ has its }}' : null;
}

/** Puts values where a template names them; what they hold is text, whatever it looks like. */
export function fillTemplate(template: string, values: Readonly<Record<TemplateName, string>>): string {
  return template.replaceAll(placeholder, (_whole, name: string) => values[name as TemplateName] ?? '');
}
