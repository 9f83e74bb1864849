/** Instructions that a regular expression is compiled to, or nearly, by its text: repetitions are written out. */
export function estimatedSize(source: string): number {
  const open: number[] = [];
  let total = 0;
  let last = 0;
  for (let index = 0; index < source.length; index++) {
    const character = source[index];
    if (character === '(') {
      open.push(total);
      total = 0;
      last = 0;
    } else if (character === ')') {
      last = total + 2;
      total = (open.pop() ?? 0) + last;
    } else if (character === '{') {
      const [all, least = '', comma, most = ''] =
        /^\{(\d+)(,(\d*))?\}/.exec(source.slice(index, index + 24)) ?? [];
      // Without a number it is a character like any other.
      const times = all === undefined ? 1 : Math.max(1, Number(comma === undefined ? least : most || least));
      total += all === undefined ? 1 : last * times - last;
      last = all === undefined ? 1 : last * times;
      if (all !== undefined) index += all.length - 1;
    } else {
      if (character === '\\') index += 1;
      total += 1;
      last = 1;
      if (character === '[') {
        const end = classEnd(source, index);
        last = 1 + Math.ceil((end - index) / 2);
        total += last - 1;
        index = end;
      }
    }
  }
  return total + open.reduce((sum, size) => sum + size, 0);
}

function classEnd(source: string, from: number): number {
  let index = from + 1;
  if (source[index] === '^') index += 1;
  if (source[index] === ']') index += 1;
  while (index < source.length && source[index] !== ']') index += source[index] === '\\' ? 2 : 1;
  return index;
}
