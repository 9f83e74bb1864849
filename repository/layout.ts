/** Where everything is in a repository, format 1. See docs/repository-format.md. */
export const layout = {
  repository: 'backupctl.json',
  epochs: 'epochs/',
  epoch: (n: number) => `epochs/${n}.json`,
  instances: 'instances/',
  instance: (id: string, revision: number) => `instances/${id}/${revision}.json`,
  schedules: 'schedules/',
  schedule: (id: string, revision: number) => `schedules/${id}/${revision}.json`,
  workbooks: 'workbooks/',
  workbook: (name: string, revision: number) => `workbooks/${name}/${revision}.yaml`,
  /** What is too large for a history of Temporal, by month and SHA-256. */
  values: 'values/',
  value: (month: string, hash: string) => `values/${month}/${hash}.zst.age`,
  copies: 'copies/',
  copy: (name: string) => `copies/${name}.json`,
  backups: 'backups/',
  backupsOf: (instanceId: string) => `backups/${instanceId}/`,
  backup: (instanceId: string, backupId: string) => `backups/${instanceId}/${backupId}/`,
  data: (instanceId: string, backupId: string) => `backups/${instanceId}/${backupId}/data/`,
  attempt: (instanceId: string, backupId: string, attemptId: string) =>
    `backups/${instanceId}/${backupId}/data/${attemptId}/`,
  manifest: (instanceId: string, backupId: string) => `backups/${instanceId}/${backupId}/manifest.json`,
  signature: (instanceId: string, backupId: string, sha256: string) =>
    `backups/${instanceId}/${backupId}/manifest.${sha256}.sig`,
  marks: 'marks/',
  marksOf: (backupId: string) => `marks/${backupId}/`,
  mark: (backupId: string, markId: string, kind: string) => `marks/${backupId}/${markId}-${kind}.json`,
  executions: 'executions/',
  logPieces: (executionId: string) => `executions/${executionId}/log/`,
  logPiece: (executionId: string, n: number) => `executions/${executionId}/log/${n}.ndjson`,
  log: (executionId: string) => `executions/${executionId}/log.ndjson`,
} as const;

/** `shop.pgc.zst` and 3 give `shop.pgc.zst.0003.age`. */
export function segmentName(stream: string, segment: number): string {
  return `${stream}.${String(segment).padStart(4, '0')}.age`;
}
