import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Config } from '../config/load.ts';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { formerPlatform } from './ready-file.ts';
import type { TemporalAddress } from './worker.ts';

export interface Cluster {
  temporal: TemporalAddress;
  namespace: string;
  /** Of the embedded platform of this data directory; null for a real cluster. */
  platformId: string | null;
}

/**
 * Where the cluster is: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, the TLS variables, TEMPORAL_PROFILE
 * and the file of profiles; where none of them names an address, the platform of the data directory.
 * @throws BackupctlError configuration
 */
export async function clusterAddress(config: Config, env: NodeJS.ProcessEnv): Promise<Cluster> {
  if (!env.TEMPORAL_ADDRESS && !env.TEMPORAL_PROFILE && !env.TEMPORAL_CONFIG_FILE) {
    const platform = formerPlatform(config.dataDir);
    if (platform?.temporal_address && platform.platform_id) {
      return {
        temporal: { address: platform.temporal_address },
        namespace: platform.namespace ?? 'default',
        platformId: platform.platform_id,
      };
    }
  }
  try {
    const overrideEnvVars = Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars });
    const { address, ...rest } = connectionOptions as TemporalAddress;
    return {
      temporal: { ...rest, address: address ?? 'localhost:7233' },
      namespace: namespace ?? 'default',
      platformId: null,
    };
  } catch (cause) {
    throw new BackupctlError(
      'configuration',
      `Temporal's client configuration cannot be read: ${messageOf(cause)}`,
      { hint: 'check TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and the files that they name', cause },
    );
  }
}
