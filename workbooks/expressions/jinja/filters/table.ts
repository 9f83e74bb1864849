import type { Operation } from '../signature.ts';
import { htmlFilters } from './html.ts';
import { numberFilters } from './number.ts';
import { selectionFilters } from './selection.ts';
import { sequenceFilters } from './sequence.ts';
import { textFilters } from './text.ts';

/** Every filter of Jinja's own, by name. */
export const filters: ReadonlyMap<string, Operation> = new Map([
  ...textFilters,
  ...numberFilters,
  ...sequenceFilters,
  ...selectionFilters,
  ...htmlFilters,
]);
