import { z } from 'zod';
import { duration, size } from './fields.ts';
import { allowedPlace } from './place.ts';
import { parseDuration, parseSize } from './quantities.ts';

const expectsPlace =
  'a place such as api.example.org, api.example.org:8443, 10.1.2.3, [fd00::1]:80 or 10.0.0.0/8';
const place = z.string(expectsPlace).refine((text) => allowedPlace(text) !== null, expectsPlace);

const expectsHost = 'a host such as api.example.org, or host:port';
const host = z
  .string(expectsHost)
  .regex(/^[^\s/@]+$/, expectsHost)
  .refine((text) => allowedPlace(text) !== null, expectsHost);

const expectsSecret = 'a reference: { file: PATH } or { env: NAME }, and `to`, a list of hosts';

const path = z.string('a path').min(1, 'a path');

function limit(least: number, most: number, expects: string) {
  return duration.refine((text) => {
    const seconds = parseDuration(text) ?? 0;
    return seconds >= least && seconds <= most;
  }, expects);
}

function bytes(most: number, expects: string) {
  return size.refine((text) => {
    const count = parseSize(text) ?? 0;
    return count >= 1024 && count <= most;
  }, expects);
}

/** The section `workbooks`: what their actions may do on this worker. */
export const workbooksSchema = z.strictObject({
  http: z
    .strictObject({
      allow: z
        .array(place)
        .optional()
        .describe(
          'private addresses that `std.http` may ask: names, addresses, either with a port, and networks; public ones it may ask anyway',
        ),
      timeout: limit(1, 3600, 'a duration from 1s to 1h')
        .optional()
        .describe('how long a server may be silent where the action does not say: `1m` by default'),
      limit: limit(1, 86_400, 'a duration from 1s to 1d')
        .optional()
        .describe('a request that takes longer altogether has failed: `10m` by default'),
      max_size: bytes(64 * 1024 * 1024, 'a size from 1KiB to 64MiB')
        .optional()
        .describe('of what a server answers, unpacked: `5MiB` by default'),
    })
    .optional(),
  email: z
    .strictObject({
      allow: z
        .array(host)
        .optional()
        .describe(
          'mail servers that `std.email` may speak to, as host or host:port; default: any at a public address',
        ),
      verify: z
        .boolean('true or false')
        .optional()
        .describe(
          'whether the certificate of a server that is shown a password has to be good: `true` by default',
        ),
    })
    .optional(),
  ssh: z
    .strictObject({
      known_hosts: z
        .array(path)
        .optional()
        .describe(
          'files as of OpenSSH: `std.ssh` connects to no host that is in none of them; default: none, so that it connects nowhere',
        ),
      keys: z
        .array(path)
        .optional()
        .describe(
          'private keys that `private_key_filename` may name, by path; a name without one is below `~/.ssh`',
        ),
      limit: limit(1, 604_800, 'a duration from 1s to 7d')
        .optional()
        .describe('a command that takes longer has failed: `1h` by default'),
    })
    .optional(),
  javascript: z
    .strictObject({
      memory: bytes(1024 ** 3, 'a size from 1KiB to 1GiB')
        .optional()
        .describe('that a script may fill: `64MiB` by default'),
      limit: limit(1, 3600, 'a duration from 1s to 1h')
        .optional()
        .describe('a script that takes longer has failed: `10s` by default'),
    })
    .optional(),
  secrets: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, 'a name of letters, digits, _ and -'),
      z
        .strictObject(
          {
            file: path.optional().describe('a file of the worker: actions use it as `$' + '{secret:NAME}`'),
            env: z
              .string()
              .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable')
              .optional()
              .describe('or an environment variable of the worker'),
            to: z
              .array(host)
              .optional()
              .describe(
                'hosts, or host:port, that alone may be told, and then in the body of a request too; default: any, in credentials only',
              ),
          },
          expectsSecret,
        )
        .refine(({ file, env }) => (file === undefined) !== (env === undefined), expectsSecret),
    )
    .optional(),
});
