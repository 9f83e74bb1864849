import { z } from 'zod';
import { duration, secret } from './fields.ts';
import { alarmKinds, isWebUrl } from './notify.ts';
import { parseDuration } from './quantities.ts';
import { templateProblem } from './template.ts';

const expectsMaxAge = 'a duration such as 26h, or none';

export const maxAge = z
  .string(expectsMaxAge)
  .refine((text) => text === 'none' || (parseDuration(text) ?? 0) >= 1, expectsMaxAge);

const expectsUrl =
  'a URL that begins with http:// or https://, or a reference: { file: PATH } or { env: NAME }';

/** The path of such a URL is often a password: it may be a reference as well. */
const webUrl = z.union([z.string().refine(isWebUrl, expectsUrl), secret], expectsUrl);

const expectsAddress = 'a mail address such as backups@example.org';
const address = z.string(expectsAddress).regex(/^(?:[^<>\r\n]*<)?[^\s<>@,]+@[^\s<>@,]+>?$/, expectsAddress);

const template = z.string('a text').superRefine((text, context) => {
  const problem = templateProblem(text);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

const isThisMachine = (host: string) => /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host);

/** The section `notify`. */
export const notifySchema = z.strictObject({
  on: z
    .array(z.enum(alarmKinds, `one of ${alarmKinds.join(', ')}`))
    .min(1, `some of ${alarmKinds.join(', ')}`)
    .optional()
    .describe('what is told; default: all of it'),
  webhook: z
    .strictObject({
      url: webUrl.describe('where JSON is posted to'),
      secret: secret.optional().describe('signs each request; without it they are not signed'),
    })
    .optional(),
  email: z
    .strictObject({
      host: z.string('the name of a mail server').min(1, 'the name of a mail server'),
      port: z
        .number('a port')
        .int('a port')
        .min(1, 'a port')
        .max(65_535, 'a port')
        .optional()
        .describe('default: 465 with `tls: implicit`, else 587'),
      tls: z
        .enum(['implicit', 'starttls', 'none'], 'implicit, starttls or none')
        .optional()
        .describe('`starttls` by default, and insisted on; `none` is for a server on this machine'),
      from: address,
      to: z.array(address, 'a list of mail addresses').min(1, 'at least one mail address'),
      user: z.string('a user name').min(1, 'a user name').optional(),
      password: secret.optional(),
    })
    .refine(({ user, password }) => (user === undefined) === (password === undefined), {
      message: 'user and password together',
    })
    .refine(({ tls, password, host }) => tls !== 'none' || password === undefined || isThisMachine(host), {
      message: 'no password with `tls: none`, unless the server is this machine (localhost, 127.0.0.1, ::1)',
    })
    .optional(),
  command: z
    .array(z.string('a word'), 'a program and its words, as a list')
    .min(1, 'a program and its words, as a list')
    .refine(([program]) => program?.startsWith('/') === true, 'the absolute path of a program')
    .optional()
    .describe('a program that gets the message as JSON on standard input; no shell'),
  heartbeat_url: webUrl
    .optional()
    .describe('asked for (GET) once a minute while all is well: for a dead man’s switch'),
  group_window: duration
    .optional()
    .describe('alarms with one cause that come within this make one message: `30s` by default'),
  repeat: duration.optional().describe('what goes on is told again after this: `24h` by default'),
  templates: z
    .strictObject({
      subject: template.optional(),
      body: template.optional(),
    })
    .optional()
    .describe('texts with `{{names}}`, for the mail'),
});
