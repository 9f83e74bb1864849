import { connect as connectSocket } from 'node:net';
import type { Client, Connection, ConnectionOptions } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { fromGrpc, noAnswer } from './grpc-errors.ts';
import type { Platform } from './platform-file.ts';

/** Where a connection goes, and how. */
export interface TemporalTarget {
  platform: Platform | null;
  dataDir: string | undefined;
  address: string | undefined;
  namespace: string | undefined;
  env: NodeJS.ProcessEnv;
  /** Opens what workers keep in the repository because it is too large for Temporal. */
  codec?: PayloadCodec;
}

/** How long a server may take to let us in, in milliseconds: where nobody listens, that is to be said soon. */
const knockTimeout = 5_000;
/** And then to greet us: one that is there and busy is waited for. */
const connectTimeout = 20_000;

/**
 * A page of a history that somebody has filled up is longer than gRPC's 4 MB. The SDK means to allow as much as this; the
 * name that it gives to the setting is not the one that gRPC knows.
 */
const messageLimit = { 'grpc.max_receive_message_length': 128 * 1024 * 1024 };

/** An open connection to Temporal, whose errors are in our words. */
export class TemporalLink {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;

  constructor(client: Client, address: string, namespace: string) {
    this.client = client;
    this.address = address;
    this.namespace = namespace;
  }

  get service(): Connection['workflowService'] {
    return this.client.workflowService;
  }

  /** Runs calls to Temporal; what they throw comes out as {@link BackupctlError} where it is one for users. */
  async call<T>(body: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await body(this.client);
    } catch (error) {
      throw fromGrpc(error, this.address);
    }
  }

  async close(): Promise<void> {
    await this.client.connection.close();
  }
}

/**
 * Connects to the platform of the data directory, or else to where Temporal's own environment and profiles point
 * (`@temporalio/envconfig`: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TLS, TEMPORAL_PROFILE).
 *
 * @throws BackupctlError unavailable when nothing answers there, configuration when the profile is wrong
 */
export async function connectTemporal(target: TemporalTarget): Promise<TemporalLink> {
  const { options, namespace, hint } = await optionsOf(target);
  const address = options.address ?? 'localhost:7233';
  const loading = import('@temporalio/client');
  loading.catch(() => undefined);
  if (directly(address, target.env)) await knock(address, hint);
  const { Client, Connection } = await loading;
  let connection: Connection;
  try {
    const channelArgs = { ...messageLimit, ...options.channelArgs };
    connection = await Connection.connect({ ...options, channelArgs, connectTimeout });
  } catch (error) {
    const told = fromGrpc(error, address);
    throw told instanceof BackupctlError && told.code !== 'unavailable'
      ? told
      : noAnswer(address, error, hint);
  }
  const dataConverter =
    target.codec === undefined ? {} : { dataConverter: { payloadCodecs: [target.codec] } };
  return new TemporalLink(new Client({ connection, namespace, ...dataConverter }), address, namespace);
}

async function optionsOf(
  target: TemporalTarget,
): Promise<{ options: ConnectionOptions; namespace: string; hint: string | undefined }> {
  const { platform, dataDir, env } = target;
  if (platform !== null && target.address === undefined) {
    return {
      // No proxy stands between us and our own platform, whatever the environment says.
      options: { address: platform.temporal_address, channelArgs: { 'grpc.enable_http_proxy': 0 } },
      namespace: target.namespace ?? platform.namespace,
      hint: `start the platform with \`backupctl up --data-dir ${dataDir}\``,
    };
  }
  if (
    dataDir !== undefined &&
    target.address === undefined &&
    !env.TEMPORAL_ADDRESS &&
    !env.TEMPORAL_PROFILE
  ) {
    throw new BackupctlError('unavailable', `no platform has run in ${dataDir} yet`, {
      hint: `start it with \`backupctl up --data-dir ${dataDir}\``,
    });
  }
  const { loadClientConnectConfig } = await import('@temporalio/envconfig');
  try {
    const overrideEnvVars = Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars });
    const { address, tls, apiKey, metadata } = connectionOptions as ConnectionOptions;
    return {
      options: {
        address: target.address ?? address,
        ...(tls === undefined ? {} : { tls }),
        ...(apiKey === undefined ? {} : { apiKey }),
        ...(metadata === undefined ? {} : { metadata }),
      },
      namespace: target.namespace ?? namespace ?? 'default',
      hint: undefined,
    };
  } catch (error) {
    throw new BackupctlError(
      'configuration',
      `Temporal's client configuration cannot be read: ${(error as Error).message}`,
      { hint: 'check TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and the files that it names', cause: error },
    );
  }
}

/** Whether sockets to the address are opened by us, and not by a proxy that gRPC takes from the environment. */
function directly(address: string, env: NodeJS.ProcessEnv): boolean {
  if (/^(127\.|localhost:|\[::1\])/.test(address)) return true;
  return !['grpc_proxy', 'https_proxy', 'http_proxy'].some((name) => env[name] || env[name.toUpperCase()]);
}

/** gRPC tries a closed port until its deadline; a plain socket tells at once. */
async function knock(address: string, hint: string | undefined): Promise<void> {
  const match = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(address);
  const host = match?.[1] ?? address;
  const port = Number(match?.[2] ?? 7233);
  if (!(port > 0 && port < 65_536)) {
    throw new BackupctlError('configuration', `${address} is not an address of Temporal`, {
      hint: 'write it as HOST:PORT, such as 127.0.0.1:7233',
    });
  }
  await new Promise<void>((resolve, reject) => {
    const socket = connectSocket({ host, port, timeout: knockTimeout });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => socket.destroy(new Error('timed out')));
    socket.once('error', (error) => reject(noAnswer(address, error, hint)));
  });
}
