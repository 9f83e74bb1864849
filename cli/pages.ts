import type { Page, PageOptions } from '../client/types.ts';

const largestPage = 1000;

/**
 * One page where a limit is given, else all that there is, oldest first as the pages themselves.
 * @param warn told what a page could not find out
 */
export async function pageOrAll<T>(
  fetchPage: (options: PageOptions) => Promise<Page<T> & { warnings?: string[] }>,
  { limit, marker }: PageOptions,
  warn: (line: string) => void = () => {},
): Promise<T[]> {
  const warnings = new Set<string>();
  const pages: T[][] = [];
  let next: string | null | undefined = marker;
  do {
    const page: Page<T> & { warnings?: string[] } = await fetchPage({
      limit: limit ?? largestPage,
      marker: next,
    });
    for (const line of page.warnings ?? []) warnings.add(line);
    pages.unshift(page.items);
    next = limit === undefined ? page.nextMarker : null;
  } while (next !== null);
  warnings.forEach(warn);
  return pages.flat();
}
