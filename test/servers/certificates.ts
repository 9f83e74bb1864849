import { execFile } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate and its key, by paths of PEM files (the key has mode 0600). */
export interface Certificate {
  cert: string;
  key: string;
}

/** An authority of a test's own, in a folder of its own. */
export interface Authority {
  /** Its certificate: whom to trust. */
  ca: string;
  /** A server's certificate for those names (`localhost`) and addresses (`127.0.0.1`). */
  server(name: string, hosts: readonly string[], options?: { expired?: boolean }): Promise<Certificate>;
  /** A client's certificate, whose common name is the user's. */
  client(user: string): Promise<Certificate>;
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes an authority by openssl. Its files are below the directory, and begin with the name. */
export async function createAuthority(directory: string, name = 'ca'): Promise<Authority> {
  const path = (file: string) => join(directory, `${name}-${file}`);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory });
  const [ca, caKey] = [path('ca.pem'), path('ca.key')];
  await openssl(
    ...['req', '-x509', ...curve, '-days', '2', '-subj', `/CN=${name}`, '-keyout', caKey, '-out', ca],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
  let serial = 1;

  const issue = async (file: string, subject: string, extensions: string, expired = false) => {
    const [key, cert, request, config] = ['key', 'pem', 'csr', 'ext'].map((end) =>
      path(`${file}.${end}`),
    ) as [string, string, string, string];
    await openssl('req', ...curve, '-subj', `/CN=${subject}`, '-keyout', key, '-out', request);
    await writeFile(config, extensions);
    serial += 1;
    await openssl(
      ...['x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-set_serial', String(serial)],
      ...['-days', expired ? '-1' : '2', '-extfile', config, '-out', cert],
    );
    chmodSync(key, 0o600);
    return { cert, key };
  };

  return {
    ca,
    server: (file, hosts, { expired = false } = {}) => {
      const names = hosts.map((host) => `${/^[\d.]+$|:/.test(host) ? 'IP' : 'DNS'}:${host}`).join(',');
      return issue(file, hosts[0] ?? 'x', `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`, expired);
    },
    client: (user) => issue(`client-${user}`, user, 'extendedKeyUsage=clientAuth\n'),
  };
}
