import { months, weekdays } from './date_format.ts';

function numberOf(names: readonly string[], word: string): number | undefined {
  const wanted = word.toLowerCase();
  const index = names.findIndex(
    (name) => wanted === name.toLowerCase() || wanted === name.slice(0, 3).toLowerCase(),
  );
  return index < 0 ? undefined : index;
}

/** From Monday, which is 0; undefined for what names no day. */
export function weekdayNumber(word: string): number | undefined {
  return numberOf(weekdays, word);
}

/** From January, which is 1; undefined for what names no month. */
export function monthNumber(word: string): number | undefined {
  if (word.toLowerCase() === 'sept') return 9;
  const index = numberOf(months, word);
  return index === undefined ? undefined : index + 1;
}
