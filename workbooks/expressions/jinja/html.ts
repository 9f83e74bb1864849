import { splitSpace } from '../python/text.ts';

/** Entities that have a name: those that are met in text. */
const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  copy: '©',
  reg: '®',
  trade: '™',
  hellip: '…',
  mdash: '—',
  ndash: '–',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  laquo: '«',
  raquo: '»',
  bull: '•',
  middot: '·',
  euro: '€',
  pound: '£',
  yen: '¥',
  cent: '¢',
  sect: '§',
  deg: '°',
  times: '×',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  Auml: 'Ä',
  Ouml: 'Ö',
  Uuml: 'Ü',
  szlig: 'ß',
  eacute: 'é',
  egrave: 'è',
};

/** Text without tags and comments, its white space as single blanks, entities as what they stand for. */
export function stripTags(html: string): string {
  const bare = without(without(html, '<!--', '-->'), '<', '>');
  return unescapeHtml(splitSpace(bare, -1).join(' '));
}

function without(text: string, begin: string, end: string): string {
  let kept = '';
  let index = 0;
  for (;;) {
    const start = text.indexOf(begin, index);
    const stop = start < 0 ? -1 : text.indexOf(end, start);
    if (stop < 0) return kept + text.slice(index);
    kept += text.slice(index, start);
    index = stop + end.length;
  }
}

export function unescapeHtml(text: string): string {
  return text.replace(
    /&(?:#([0-9]{1,8})|#[xX]([0-9a-fA-F]{1,8})|([A-Za-z]{2,8}));?/g,
    (whole, decimal, hex, name) => {
      if (name !== undefined)
        return (whole.endsWith(';') && Object.hasOwn(entities, name) && entities[name]) || whole;
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
      const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
      return isCharacter ? String.fromCodePoint(code) : '\ufffd';
    },
  );
}
