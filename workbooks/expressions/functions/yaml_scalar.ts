/** Where a text stands: PyYAML breaks long ones at spaces, unless they are keys. */
export interface Place {
  /** Characters that stand before it in its line. */
  readonly column: number;
  /** Of the lines that follow. */
  readonly indent: number;
  readonly simpleKey: boolean;
}

/** Past this column a line is broken at the next space. */
const width = 80;

/** A text as PyYAML writes it: plain where it would be read as the same text, else in single quotes, else in double ones. */
export function scalarText(text: string, place: Place): string {
  if (text === '') return "''";
  const blocksPlain = /^[-?:](?=[\0 \t\r\n\x85\u2028\u2029]|$)|^(?:---|\.\.\.)|^[#,[\]{}&*!|>'"%@`]/.test(
    text,
  );
  const holdsMarks = /.:(?=[\0 \t\r\n\x85\u2028\u2029]|$)|[\0 \t\r\n\x85\u2028\u2029]#/su.test(text);
  const special = /[^\n -~]/.test(text) || /[ ][\n]/.test(text);
  const breaks = text.includes('\n');
  const edges = /^[ \n]|[ \n]$/.test(text);
  const spaceAfterBreak = /\n /.test(text);
  const plain = !blocksPlain && !holdsMarks && !special && !breaks && !edges && !readsAsOther(text);
  if (plain) return folded(text, place, '');
  if (!special && !spaceAfterBreak && !(place.simpleKey && breaks)) return folded(text, place, "'");
  return doubleQuoted(text, place);
}

/** What YAML 1.1 takes for something else than a text. */
const others: readonly RegExp[] = [
  /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  /^(?:~|null|Null|NULL|=|<<)$/,
  /^[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?$/,
  /^\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?$/,
  /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/,
  /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
  /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$/,
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/,
  /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?$/,
];

function readsAsOther(text: string): boolean {
  return others.some((form) => form.test(text));
}

/** Plain, or in single quotes: single spaces past the width become ends of lines, ends of lines become two. */
function folded(text: string, place: Place, quote: string): string {
  const margin = ' '.repeat(place.indent);
  let written = quote;
  let column = place.column + quote.length;
  let index = 0;
  for (const [run] of text.matchAll(/ +|\n+|[^ \n]+/g)) {
    const end = index + run.length;
    if (run[0] === '\n') {
      written += `\n${run}${margin}`;
      column = place.indent;
    } else if (run === ' ' && column > width && !place.simpleKey && index > 0 && end < text.length) {
      written += `\n${margin}`;
      column = place.indent;
    } else {
      const part = quote === '' ? run : run.replaceAll("'", "''");
      written += part;
      column += [...part].length;
    }
    index = end;
  }
  return written + quote;
}

const escapes: Readonly<Record<string, string>> = {
  '\0': '0',
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'e',
  '"': '"',
  '\\': '\\',
  '\x85': 'N',
  '\xa0': '_',
  '\u2028': 'L',
  '\u2029': 'P',
};

function escaped(character: string): string {
  const short = escapes[character];
  if (short !== undefined) return `\\${short}`;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

function doubleQuoted(text: string, place: Place): string {
  const characters = [...text];
  const margin = ' '.repeat(place.indent);
  let written = '"';
  let column = place.column + 1;
  let pending = '';
  for (const [index, character] of characters.entries()) {
    const isPlain = /[ !#-[\]-~]/.test(character);
    if (!isPlain) {
      const part = escaped(character);
      written += pending + part;
      column += pending.length + part.length;
      pending = '';
    }
    // A line ends before a space or after an escape, never beside the quotes.
    const breakable = index > 0 && index < characters.length - 1 && (character === ' ' || pending === '');
    const reached = isPlain ? column + pending.length : column - 1;
    if (breakable && reached > width && !place.simpleKey) {
      written += `${pending}\\\n${margin}`;
      column = place.indent;
      pending = '';
      const next = isPlain ? character : characters[index + 1];
      if (next === ' ') {
        written += '\\';
        column++;
      }
    }
    if (isPlain) pending += character;
  }
  return `${written}${pending}"`;
}
