import { describe, expect, test } from 'vitest';
import { isPublic } from '../../../activities/workbooks/addresses.ts';
import { runEmail } from '../../../activities/workbooks/email.ts';
import { httpRequest } from '../../../activities/workbooks/http-request.ts';
import { ActionSecrets } from '../../../activities/workbooks/secrets.ts';
import { sharedFunctions } from '../../../workbooks/expressions/functions/shared.ts';
import { jinja } from '../../../workbooks/expressions/jinja/language.ts';
import { defaultLimits } from '../../../workbooks/expressions/language.ts';

function secretsWith(value: string): ActionSecrets {
  const known = { reference: { env: 'X' }, to: [{ host: 'good.example', port: null }] };
  return new ActionSecrets(new Map([['k', known]]), async () => value);
}

describe('a secret in a URL', () => {
  const url = `http://bad.example:80\${secret:k}@good.example/x`;

  test('goes to the host that stands there', async () => {
    const request = await httpRequest({ url }, secretsWith('word'), {});
    expect(request.url.host).toBe('good.example');
  });

  test.each(['/word', '?word', '#word', '\\word'])(
    'makes no host of what stands before it: %s',
    async (secret) => {
      await expect(httpRequest({ url }, secretsWith(secret), {})).rejects.toThrow(
        'a secret in the URL changes its host',
      );
    },
  );
});

test('what a cloud tells its machines is private', () => {
  for (const address of ['169.254.169.254', '168.63.129.16', '100.100.100.200', 'fd00:ec2::254'])
    expect(isPublic(address), address).toBe(false);
  expect(isPublic('::ffff:168.63.129.16')).toBe(false);
  expect(isPublic('168.63.129.17')).toBe(true);
});

test('no sender of a mail brings headers of its own', async () => {
  const surroundings = {
    config: { allow: null, verify: true },
    secrets: secretsWith('word'),
    signal: AbortSignal.timeout(1000),
    id: 'id',
  };
  const input = { from_addr: 'a@b.example\r\nBcc: c@d.example', to_addrs: ['e@f.example'] };
  await expect(runEmail({ ...input, smtp_server: '127.0.0.1:9' }, surroundings)).rejects.toThrow(
    'from_addr is no address',
  );
});

test('a template pays for what it has read and written as JSON and YAML', () => {
  const source = { now: () => 0, uuid: () => '', random: () => 0 };
  const scope = { data: { a: 1 }, functions: sharedFunctions(source), source, limits: defaultLimits };
  const loop = (body: string) =>
    `{% set t = '[' ~ '1,' * 50000 ~ '1]' %}{% for i in range(1000) %}${body}{% endfor %}{{ 1 }}`;
  for (const body of [
    '{% set x = json_parse(t) %}',
    '{% set x = yaml_parse(t) %}',
    '{% set x = yaml_dump(t) %}',
  ])
    expect(() => jinja.evaluate(loop(body), scope)).toThrow(/takes more than [0-9]+ steps/);
});
