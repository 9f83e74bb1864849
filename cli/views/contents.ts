import type { BackupContent } from '../../client/types.ts';
import type { Column } from '../output/output.ts';
import { formatSize } from '../output/size.ts';

/** What is in a backup. An estimate is told from a count. */
export const contentColumns: readonly Column<BackupContent>[] = [
  { header: 'Database', value: ({ database }) => database },
  { header: 'Kind', value: ({ kind }) => kind },
  { header: 'Name', value: ({ name }) => name },
  { header: 'Rows', value: ({ rows, exact }) => (rows !== null && exact === false ? `about ${rows}` : rows) },
  { header: 'Size', value: ({ size }) => (size === null ? null : formatSize(size)) },
];
