import type { BackupClient } from '../../client/client.ts';
import type { HostNames } from '../../test/servers/host-names.ts';
import type { HttpProxy } from '../../test/servers/http-proxy.ts';
import type { Platform } from '../../test/servers/platform.ts';
import type { PostgresServer } from '../../test/servers/postgres.ts';
import type { Proxy as TcpProxy } from '../../test/servers/proxy.ts';
import type { S3Server } from '../../test/servers/s3.ts';
import type { Workspace } from '../../test/servers/workspace.ts';
import type { WorldMount } from './mounts.ts';
import type { Toolbox } from './toolbox.ts';

/**
 * - `directory`: the repository is a directory on an ordinary disk
 * - `bucket`: in versitygw, behind a TCP proxy and an HTTP proxy
 * - `small-disk`: a directory on a small loop device of its own
 * - `forgetful`: a directory on the FUSE file system that forgets what was not synced; the data directory is on another
 * - `copied`: a directory, with a copy in another one
 */
export type WorldName = 'directory' | 'bucket' | 'small-disk' | 'forgetful' | 'copied';

/** Servers and a platform that many runs share. Between two runs everything in it is healthy. */
export interface World {
  readonly name: WorldName;
  /** `backupctl up`, restarted by kinds that kill it: always `restartPlatform`, never `platform.restart`. */
  readonly platform: Platform;
  /** What `up` is started with; a kind may change it before a restart, and puts it back when it is lifted. */
  readonly env: Record<string, string>;
  /** A client in this process; another one after each restart. */
  client(): BackupClient;
  /** Starts `up`, which was ended, waits until it is ready, and makes a new client. */
  restartPlatform(): Promise<void>;
  /** PostgreSQL 18, source and target of everything. */
  readonly postgres: PostgresServer;
  /** Between the product and PostgreSQL; throttled, so that a dump lasts a second or two. */
  readonly source: TcpProxy;
  /**
   * Fills the disk of PostgreSQL up to so many bytes; what it returns makes room again. Null where that disk is not a
   * small one of its own (making one needs root).
   */
  readonly fillSource: ((left: number) => Promise<() => Promise<void>>) | null;
  /** Only in `bucket`. */
  readonly bucket: {
    server: S3Server;
    /** What the product talks to: bytes. It passes them to `http`. */
    tcp: TcpProxy;
    /** Requests. It passes them to the server. */
    http: HttpProxy;
    /** What `up` can resolve; the bucket is at `localhost` for it. Null where this machine cannot have that. */
    names: HostNames | null;
  } | null;
  /** Where the repository's objects are as files, also those of the bucket. Read it, never write it. */
  readonly repository: string;
  /** Only in `copied`: where the copy `second` lies. */
  readonly copy: string | null;
  /** Only in `small-disk` and `forgetful`: what the kinds of the file system need of their mount. */
  readonly mount: WorldMount | null;
  /** The programs that `up` starts: they can be told to misbehave. */
  readonly toolbox: Toolbox;
  readonly workspace: Workspace;
  /** Of the user postgres, as the instances name it. */
  readonly passwordFile: string;
  /** Of `yearly`, on `orders`; it fires when it is triggered. */
  readonly scheduleId: string;
  /** What must be nowhere but in the files that hold it on purpose. */
  readonly secrets: readonly string[];
  /** Backups that a fault has broken on purpose, by id, with what may be found: they need not verify. */
  readonly expectedDamage: Map<string, RegExp>;
  /** Set by a kind that lost Temporal's database in this run: executions that it began are nowhere any more. */
  historyLost: boolean;
  /** Contents that a fault gives a database of the source for a while, by database: a backup may be of any of them. */
  readonly sourceStates: Map<string, Set<string>>;
  stop(): Promise<void>;
}
