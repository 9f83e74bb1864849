import { ExpressionError } from '../language.ts';
import { type Item, Markup } from './object.ts';
import type { Runtime } from './runtime.ts';

const words =
  'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et magna'.split(
    ' ',
  );

/** Filling text: paragraphs of a random number of words, which is at least `least` and below `most`. */
export function lipsum(runtime: Runtime, count: number, html: boolean, least: number, most: number): Item {
  if (least >= most) throw new ExpressionError('empty range for randrange()');
  const paragraphs: string[] = [];
  for (let paragraph = 0; paragraph < count; paragraph++) {
    const size = least + below(runtime, most - least);
    const chosen: string[] = [];
    for (let word = 0; word < size; word++) {
      runtime.budget.step();
      runtime.budget.characters(12);
      chosen.push(words[below(runtime, words.length)] ?? '');
    }
    const text = `${chosen.join(' ')}.`;
    paragraphs.push(text.slice(0, 1).toUpperCase() + text.slice(1));
  }
  if (!html) return paragraphs.join('\n\n');
  return new Markup(paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join('\n'));
}

function below(runtime: Runtime, end: number): number {
  return Math.floor(runtime.scope.source.random() * end);
}
