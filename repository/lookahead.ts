/**
 * Maps items in their order, with so many calls under way at a time. The first failure ends the iteration; what is
 * under way then is waited for, and its outcome dropped.
 */
export async function* lookahead<T, R>(
  items: Iterable<T>,
  limit: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
  const underWay: Promise<R>[] = [];
  const iterator = items[Symbol.iterator]();
  try {
    for (;;) {
      while (underWay.length < limit) {
        const next = iterator.next();
        if (next.done === true) break;
        const mapped = map(next.value);
        // Its failure is reported when its turn comes; until then it must not count as unhandled.
        mapped.catch(() => {});
        underWay.push(mapped);
      }
      const first = underWay.shift();
      if (first === undefined) return;
      yield await first;
    }
  } finally {
    await Promise.allSettled(underWay);
  }
}

/** The same for items that come one by one, of which only so many are held at a time. */
export async function* lookaheadOf<T, R>(
  items: AsyncIterable<T>,
  limit: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
  const underWay: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const mapped = map(item);
      mapped.catch(() => {});
      underWay.push(mapped);
      if (underWay.length < limit) continue;
      const first = underWay.shift();
      if (first !== undefined) yield await first;
    }
    for (let first = underWay.shift(); first !== undefined; first = underWay.shift()) yield await first;
  } finally {
    await Promise.allSettled(underWay);
  }
}
