import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import ssh2, { type AuthContext, type Connection } from 'ssh2';

export interface SshServerOptions {
  user: string;
  password?: string;
  /** As OpenSSH writes public keys. */
  publicKey?: string;
}

/** An SSH server of 127.0.0.1 that runs commands by `sh`, and passes connections on. */
export interface SshServer {
  port: number;
  /** Its line for a `known_hosts`. */
  knownHost: string;
  /** What was run. */
  commands: string[];
  connections: number;
  stop(): Promise<void>;
}

const { Server, utils } = ssh2;

export async function startSsh(options: SshServerOptions): Promise<SshServer> {
  const hostKey = utils.generateKeyPairSync('ed25519');
  const commands: string[] = [];
  const clients = new Set<Connection>();
  const state = { connections: 0 };
  const server = new Server({ hostKeys: [hostKey.private] }, (client) => {
    state.connections += 1;
    clients.add(client);
    client.on('close', () => clients.delete(client));
    client.on('error', () => {}); // a client that goes away
    client.on('authentication', (context) => (isLet(context, options) ? context.accept() : context.reject()));
    client.on('ready', () => {
      client.on('session', (acceptSession) => {
        acceptSession().on('exec', (accept, _reject, { command }) => {
          commands.push(command);
          const channel = accept();
          const child = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'pipe'] });
          channel.pipe(child.stdin);
          child.stdin.on('error', () => {});
          child.stdout.pipe(channel, { end: false });
          child.stderr.pipe(channel.stderr, { end: false });
          channel.on('close', () => child.kill('SIGKILL'));
          child.on('close', (code, signal) => {
            if (signal === null) channel.exit(code ?? 0);
            else channel.exit(signal);
            channel.end();
          });
        });
      });
      client.on('tcpip', (accept, reject, { destIP, destPort }) => {
        const socket = connect(destPort, destIP);
        socket.once('error', () => reject());
        socket.once('connect', () => {
          const channel = accept();
          socket.pipe(channel).pipe(socket);
          socket.on('error', () => channel.destroy());
          channel.on('error', () => socket.destroy());
        });
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    knownHost: `[127.0.0.1]:${port} ${hostKey.public}`,
    commands,
    get connections() {
      return state.connections;
    },
    async stop() {
      for (const client of clients) client.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function isLet(context: AuthContext, { user, password, publicKey }: SshServerOptions): boolean {
  if (context.username !== user) return false;
  if (context.method === 'password') return password !== undefined && context.password === password;
  if (context.method !== 'publickey' || publicKey === undefined) return false;
  const known = utils.parseKey(publicKey);
  if (known instanceof Error || !known.getPublicSSH().equals(context.key.data)) return false;
  const { signature, blob, hashAlgo } = context;
  return signature === undefined || blob === undefined || known.verify(blob, signature, hashAlgo) === true;
}
