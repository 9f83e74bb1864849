import type { EmailConfig } from '../../config/notify.ts';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import { answerWithin, type Channel, type Rendered } from './channel.ts';

/** Sends a plain mail to all recipients at once. `starttls` is insisted on: a server that offers none gets nothing. */
export function email(config: EmailConfig, password: string | null): Channel {
  return {
    async send({ message, subject, body }: Rendered): Promise<string> {
      const { createTransport } = await import('nodemailer');
      const transport = createTransport({
        host: config.host,
        port: config.port,
        secure: config.tls === 'implicit',
        requireTLS: config.tls === 'starttls',
        ignoreTLS: config.tls === 'none',
        ...(config.login === null || password === null
          ? {}
          : { auth: { user: config.login.user, pass: password } }),
        connectionTimeout: answerWithin * 1000,
        greetingTimeout: answerWithin * 1000,
        socketTimeout: answerWithin * 1000,
        // What is in a message is text: no file is read and no URL fetched for it.
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      try {
        const sent = await transport.sendMail({
          from: config.from,
          to: config.to,
          subject,
          text: body,
          // The same for every try: a mail program shows it once.
          messageId: `<${message.id}@backupctl.invalid>`,
          headers: { 'auto-submitted': 'auto-generated' },
        });
        const refused = sent.rejected.map(String);
        if (refused.length > 0) {
          throw new BackupctlError(
            'failed',
            `${config.host} did not take the mail for ${refused.join(', ')}`,
          );
        }
        return String(sent.response);
      } catch (error) {
        if (error instanceof BackupctlError) throw error;
        const words = messageOf(error);
        throw new BackupctlError(
          'unavailable',
          `the mail server ${config.host}:${config.port}: ${password === null ? words : words.replaceAll(password, '***')}`,
        );
      } finally {
        transport.close();
      }
    },
  };
}
