import type { InstanceStatus } from '../../client/types.ts';
import { formatDuration } from '../duration.ts';
import type { Column } from '../output/output.ts';

/** One row an instance: is it protected? */
export const statusColumns: readonly Column<InstanceStatus>[] = [];
