/** By code points, as Python sorts texts; below zero, zero or above it. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  // A surrogate sorts before some units that stand for smaller code points: only then is the slow way needed.
  if (!surrogate.test(left) && !surrogate.test(right)) return left < right ? -1 : 1;
  const a = [...left];
  const b = [...right];
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const difference = (a[index]?.codePointAt(0) ?? 0) - (b[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const surrogate = /[\ud800-\udfff]/;
