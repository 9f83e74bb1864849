import { ExpressionError } from '../../language.ts';
import { isSpace } from '../../python/space.ts';
import { splitSpace } from '../../python/text.ts';
import { str, truth } from '../describe.ts';
import { asHtml, escapeText } from '../escape.ts';
import { collect } from '../iterate.ts';
import { type Item, Markup } from '../object.ts';
import { asInteger } from '../operators.ts';
import type { Runtime } from '../runtime.ts';

const topLevel = /^(?:com|net|int|edu|gov|org|info|mil)$/i;
const pairs = [
  ['(', ')'],
  ['<', '>'],
  ['&lt;', '&gt;'],
] as const;

/** Addresses in a text as links. */
export function urlize(
  runtime: Runtime,
  value: Item,
  limit: Item = null,
  nofollow: Item = false,
  target: Item = null,
  rel: Item = null,
  schemes: Item = null,
): Item {
  const relations = new Set(rel === null ? [] : splitSpace(str(rel, runtime), -1));
  if (truth(nofollow)) relations.add('nofollow');
  relations.add('noopener');
  const attributes =
    ` rel="${escapeText([...relations].sort().join(' '), runtime)}"` +
    (target === null || !truth(target) ? '' : ` target="${asHtml(target, runtime)}"`);
  const others = schemes === null ? [] : collect(schemes, runtime).map((scheme) => str(scheme, runtime));
  for (const scheme of others) {
    if (!/^[\p{L}\p{N}_.+-]{2,}:\/{0,2}$/u.test(scheme)) {
      throw new ExpressionError('an extra scheme is not a valid URI scheme prefix');
    }
  }
  const most = limit === null ? Number.POSITIVE_INFINITY : Number(asInteger(limit) ?? Number.NaN);
  const text = pieces(asHtml(value, runtime))
    .map((piece) => (isSpace(piece[0]) ? piece : link(piece, attributes, most, others)))
    .join('');
  runtime.budget.characters(text.length);
  return runtime.autoescape ? new Markup(text) : text;
}

/** Words and what is between them. */
function pieces(text: string): string[] {
  const found: string[] = [];
  let start = 0;
  for (let index = 1; index <= text.length; index++) {
    if (index < text.length && isSpace(text[index]) === isSpace(text[index - 1])) continue;
    found.push(text.slice(start, index));
    start = index;
  }
  return found;
}

function link(word: string, attributes: string, most: number, schemes: readonly string[]): string {
  const { head, middle, tail } = divide(word);
  const shown = middle.length > most ? `${middle.slice(0, most)}...` : middle;
  const isMail = (text: string) => /^\S+@/.test(text) && isMailAddress(text);
  let linked = middle;
  if (isAddress(middle)) {
    const href = /^https?:\/\//.test(middle) ? middle : `https://${middle}`;
    linked = `<a href="${href}"${attributes}>${shown}</a>`;
  } else if (middle.startsWith('mailto:') && isMail(middle.slice(7))) {
    linked = `<a href="${middle}">${middle.slice(7)}</a>`;
  } else if (!/^(?:www\.|@)/.test(middle) && !middle.includes(':') && isMail(middle)) {
    linked = `<a href="mailto:${middle}">${middle}</a>`;
  } else if (schemes.some((scheme) => middle !== scheme && middle.startsWith(scheme))) {
    linked = `<a href="${middle}"${attributes}>${middle}</a>`;
  }
  return head + linked + tail;
}

/** Takes brackets before it and punctuation after it away, but what belongs to brackets within. */
function divide(word: string): { head: string; middle: string; tail: string } {
  const head = /^(?:[(<]|&lt;)+/.exec(word)?.[0] ?? '';
  let end = word.length;
  for (let step = ending(word, end, head.length); step > 0; step = ending(word, end, head.length))
    end -= step;
  let middle = word.slice(head.length, end);
  let tail = word.slice(end);
  for (const [open, close] of pairs) {
    const opened = middle.split(open).length - 1;
    if (opened <= middle.split(close).length - 1) continue;
    for (let count = Math.min(opened, tail.split(close).length - 1); count > 0; count--) {
      const index = tail.indexOf(close) + close.length;
      middle += tail.slice(0, index);
      tail = tail.slice(index);
    }
  }
  return { head, middle, tail };
}

function ending(word: string, end: number, start: number): number {
  if (end <= start) return 0;
  if (/[)>.,]/.test(word[end - 1] ?? '')) return 1;
  return word.endsWith('&gt;', end) || word.slice(start, end).endsWith('&gt;') ? 4 : 0;
}

/** Each part is matched on its own, so that no text takes more than a pass. */
function isAddress(text: string): boolean {
  const scheme = /^https?:\/\//i.exec(text)?.[0] ?? '';
  const [host = ''] = /^(?:\[[^\]]*\]|[^:/?#])*/.exec(text.slice(scheme.length)) ?? [];
  const rest = text.slice(scheme.length + host.length);
  if (!/^(?::\d{1,5})?(?:[/?#]\S*)?$/.test(rest)) return false;
  if (scheme !== '' && (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) || /^\[[\da-f:]{2,45}\]$/i.test(host)))
    return true;
  const isPrefixed = scheme !== '' || /^www\./i.test(host);
  const labels = (scheme === '' && isPrefixed ? host.slice(4) : host).split('.');
  const last = labels.at(-1) ?? '';
  if (isPrefixed) {
    const isTop = /^(?:[a-z]{2,63}|xn--[\p{L}\p{N}_%]{2,59})$/iu.test(last);
    if (isTop && labels.slice(0, -1).every((label) => /^[\p{L}\p{N}_%-]+$/u.test(label))) return true;
  }
  return (
    scheme === '' &&
    labels.length > 1 &&
    topLevel.test(last) &&
    labels.slice(0, -1).every((label) => /^[\p{L}\p{N}_%-]{2,63}$/u.test(label))
  );
}

function isMailAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  const host = text.slice(at + 1);
  const dot = host.lastIndexOf('.');
  return (
    at > 0 &&
    dot > 0 &&
    /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(host.slice(0, dot)) &&
    /^[\p{L}\p{N}_]+$/u.test(host.slice(dot + 1))
  );
}
