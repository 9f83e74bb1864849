import type { Column } from '../output/output.ts';

/** What is in a backup. */
export const contentColumns: readonly Column<unknown>[] = [];
