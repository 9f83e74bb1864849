import type { InstanceStatus } from '../../client/types.ts';
import { formatDuration } from '../duration.ts';
import type { Column } from '../output/output.ts';

/** One row an instance: is it protected? */
export const statusColumns: readonly Column<InstanceStatus>[] = [
  { header: 'Instance', value: ({ name }) => name },
  { header: 'Protected', value: (status) => status.protected },
  { header: 'Last Good Backup', value: ({ lastBackupAt }) => lastBackupAt },
  { header: 'Age', value: ({ age }) => (age === null ? null : formatDuration(age)) },
  { header: 'Next Execution Time', value: ({ nextExecutionTime }) => nextExecutionTime },
  { header: 'Why Not', value: ({ reason }) => reason },
  { header: 'Last Failure', value: ({ lastFailure }) => lastFailure?.error },
  { header: 'Failed At', value: ({ lastFailure }) => lastFailure?.at, long: true },
  { header: 'Failed Execution', value: ({ lastFailure }) => lastFailure?.executionId, long: true },
  { header: 'Backup ID', value: ({ lastBackupId }) => lastBackupId, long: true },
];
