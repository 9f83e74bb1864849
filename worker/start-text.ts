import type { Config } from '../config/load.ts';
import type { Repository } from '../repository/repository.ts';
import type { PlatformFile } from './ready-file.ts';

export interface StartFacts {
  platform: PlatformFile;
  dataDir: string;
  config: Config;
  repository: Repository;
  /** The repository was made just now. */
  created: boolean;
  /** How many are registered. */
  instances: number;
}

/** What `up` says once everything answers: at most 15 lines, for somebody who sees it for the first time. */
export function startText({ platform, dataDir, config, repository, created, instances }: StartFacts): string {
  const shown = /^[\w@%+=:,./-]+$/.test(dataDir) ? dataDir : `'${dataDir.replaceAll("'", "'\\''")}'`;
  const lines = [
    `backupctl is up (pid ${platform.pid}). Ctrl-C stops it; what runs then goes on at the next start.`,
    '',
    ...(config.file === null ? [] : [`  configuration  ${config.file}`]),
    `  repository     ${repository.store.location}${created ? ' (new)' : ''}`,
    `  key            ${config.keyFiles.identity} opens the backups: keep a copy elsewhere`,
    `  Temporal       ${platform.temporal_address}, web page http://127.0.0.1:${platform.ui_port}`,
    `  health         http://127.0.0.1:${platform.port}/readyz, metrics at /metrics`,
    `  logs           ${dataDir}/logs`,
    '',
    'Next, in another terminal:',
    `  export BACKUPCTL_DATA_DIR=${shown}`,
    instances === 0
      ? '  backupctl instance-create NAME --url postgres://USER@HOST:5432/DATABASE --password-file FILE'
      : '  backupctl status',
  ];
  if (repository.keys.recipients.length < 2) {
    lines.push(
      '',
      'One key alone opens these backups. Add a second one that is kept offline:',
      `  age-keygen, then its age1… beside the first below encryption.recipients in ${config.file ?? `${dataDir}/backupctl.yaml`}`,
    );
  }
  return lines.join('\n');
}

/** The same for programs. */
export function startFields({ platform, dataDir, config, repository, created, instances }: StartFacts) {
  return {
    pid: platform.pid,
    data_dir: dataDir,
    configuration: config.file,
    repository: repository.store.location,
    repository_created: created,
    temporal: platform.temporal_address,
    web_page: `http://127.0.0.1:${platform.ui_port}`,
    health: `http://127.0.0.1:${platform.port}/readyz`,
    metrics: `http://127.0.0.1:${platform.port}/metrics`,
    instances,
    recipients: repository.keys.recipients.length,
  };
}
