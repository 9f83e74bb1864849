import { str } from './describe.ts';
import { type Item, Markup } from './object.ts';
import type { Runtime } from './runtime.ts';

/** The value as HTML: what is marked as safe stays as it is. */
export function asHtml(item: Item, runtime: Runtime): string {
  return item instanceof Markup ? item.text : escapeText(str(item, runtime), runtime);
}

export function escapeText(text: string, runtime: Runtime): string {
  const escaped = text
    .replaceAll('&', '&amp;')
    .replaceAll('>', '&gt;')
    .replaceAll('<', '&lt;')
    .replaceAll("'", '&#39;')
    .replaceAll('"', '&#34;');
  runtime.budget.characters(escaped.length);
  return escaped;
}
