/** What a scalar without quotes is: the implicit types of YAML 1.1, as PyYAML's `SafeLoader` knows them. */
export type ScalarType = 'null' | 'bool' | 'int' | 'float' | 'timestamp' | 'merge' | 'value' | 'yaml' | 'str';

const booleans = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const floats =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const integers =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const dates = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const times =
  /^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?(?:[ \t]*(?:Z|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?$/;

export function typeOf(text: string): ScalarType {
  if (text === '' || text === '~' || text === 'null' || text === 'Null' || text === 'NULL') return 'null';
  const first = text.charCodeAt(0);
  if ((first >= 0x30 && first <= 0x39) || first === 0x2b || first === 0x2d || first === 0x2e) {
    if (floats.test(text)) return 'float';
    if (integers.test(text)) return 'int';
    // Alone, a date is written with two digits each; with a time it need not be.
    if (dates.test(text) || (text.length > 10 && times.test(text))) return 'timestamp';
    return 'str';
  }
  if (text === '<<') return 'merge';
  if (text === '=') return 'value';
  if (text === '!' || text === '&' || text === '*') return 'yaml';
  return text.length <= 5 && booleans.test(text) ? 'bool' : 'str';
}

/** The value of a text of a type, or undefined if the text is none of it. */
export function readScalar(
  type: 'bool' | 'int' | 'float' | 'timestamp',
  text: string,
): boolean | number | string | undefined {
  if (type === 'bool') return readBoolean(text);
  if (type === 'timestamp') return readTimestamp(text);
  return type === 'int' ? readInteger(text) : readFloat(text);
}

function readBoolean(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (word === 'yes' || word === 'true' || word === 'on') return true;
  return word === 'no' || word === 'false' || word === 'off' ? false : undefined;
}

function readInteger(written: string): number | undefined {
  const { sign, text } = signed(written);
  if (/^0b[01]+$/.test(text)) return sign * Number(text);
  if (/^0x[0-9a-f]+$/i.test(text)) return sign * Number(text);
  if (/^0[0-7]*$/.test(text)) return sign * Number.parseInt(text, 8);
  if (/^[1-9][0-9]*(?::[0-9]+)+$/.test(text)) return sign * sexagesimal(text);
  return /^[1-9][0-9]*$/.test(text) ? sign * Number(text) : undefined;
}

function readFloat(written: string): number | undefined {
  const { sign, text } = signed(written.toLowerCase());
  if (text === '.inf') return sign * Number.POSITIVE_INFINITY;
  if (text === '.nan') return Number.NaN;
  if (/^[0-9]+(?::[0-9]+)+(?:\.[0-9]*)?$/.test(text)) return sign * sexagesimal(text);
  return /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?$/.test(text) ? sign * Number(text) : undefined;
}

function signed(written: string): { readonly sign: number; readonly text: string } {
  // Quoted, with a tag, a number may have blanks around it.
  const text = written.replaceAll('_', '').trim();
  if (text.startsWith('-')) return { sign: -1, text: text.slice(1) };
  return { sign: 1, text: text.startsWith('+') ? text.slice(1) : text };
}

/** `1:30` is 90: hours, minutes, seconds. */
function sexagesimal(text: string): number {
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** A date as `2026-01-31`, a time as `2026-01-31T12:00:00.000000`, without its zone: as Mistral stores them. */
function readTimestamp(text: string): string | undefined {
  const match = times.exec(text);
  if (!match) return undefined;
  const [, year = '', month = '', day = '', hour, minute = '', second = '', fraction = '', , zoneHours] =
    match;
  const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  if (!isDay(Number(year), Number(month), Number(day))) return undefined;
  if (hour === undefined) return date;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59 || Number(zoneHours ?? 0) > 23)
    return undefined;
  return `${date}T${hour.padStart(2, '0')}:${minute}:${second}.${fraction.slice(0, 6).padEnd(6, '0')}`;
}

function isDay(year: number, month: number, day: number): boolean {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return year > 0 && day >= 1 && day <= (days[month - 1] ?? 0);
}
