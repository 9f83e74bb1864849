import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  from: string;
  to: string[];
  /** Headers and body as they came. */
  text: string;
}

/** A mail server of 127.0.0.1, without TLS, that takes mail of one user and keeps it. */
export interface SmtpServer {
  port: number;
  mails: ReceivedMail[];
  stop(): Promise<void>;
}

export async function startSmtp(login: { user: string; password: string }): Promise<SmtpServer> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    onAuth({ username, password }, _session, done) {
      if (username === login.user && password === login.password) done(null, { user: username });
      else done(new Error('Invalid login'));
    },
    onData(stream, { envelope }, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        mails.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          text: Buffer.concat(pieces).toString('utf8'),
        });
        done();
      });
    },
  });
  server.on('error', () => {}); // a client that goes away
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.server.address() as AddressInfo;
  return {
    port,
    mails,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
