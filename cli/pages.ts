import type { Page, PageOptions } from '../client/types.ts';

const largestPage = 1000;

/** One page where a limit is given, else all that there is, oldest first as the pages themselves. */
export async function pageOrAll<T>(
  fetchPage: (options: PageOptions) => Promise<Page<T>>,
  { limit, marker }: PageOptions,
): Promise<T[]> {
  if (limit !== undefined) return (await fetchPage({ limit, marker })).items;
  const pages: T[][] = [];
  let next: string | null | undefined = marker;
  do {
    const page: Page<T> = await fetchPage({ limit: largestPage, marker: next });
    pages.unshift(page.items);
    next = page.nextMarker;
  } while (next !== null);
  return pages.flat();
}
