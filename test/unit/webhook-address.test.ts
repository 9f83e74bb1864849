import { afterAll, beforeAll, expect, test } from 'vitest';
import { addressOf } from '../../activities/channels/channel.ts';
import { ask, webhook } from '../../activities/channels/webhook.ts';
import { render } from '../../activities/message.ts';
import { type HttpReceiver, startHttpReceiver } from '../servers/http-receiver.ts';

let receiver: HttpReceiver;
beforeAll(async () => {
  receiver = await startHttpReceiver();
});
afterAll(() => receiver?.stop());

const rendered = render(
  { id: 'i', kind: 'failure', cause: 'c', count: 1, subjects: ['shop'], alarms: [], at: 'now' },
  { subject: null, body: null },
);

test('user and password of a URL go as an authorization header, for which requests have no other place', async () => {
  const url = receiver.origin.replace('//', '//us%3Aer:p%40ss@');
  await webhook(`${url}/hook`, null).send(rendered, new AbortController().signal);
  await ask(`${url}/beat`, "the dead man's switch");
  const expected = `Basic ${Buffer.from('us:er:p@ss').toString('base64')}`;
  expect(receiver.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
    ['/hook', expected],
    ['/beat', expected],
  ]);
});

test('a redirect is an answer that is not well, and nobody is asked at its end', async () => {
  const before = receiver.requests.length;
  receiver.answerNext(307);
  const sent = webhook(`${receiver.origin}/hook`, null).send(rendered, new AbortController().signal);
  await expect(sent).rejects.toMatchObject({
    code: 'failed',
    message: expect.stringContaining('answered 307'),
  });
  expect(receiver.requests).toHaveLength(before + 1);
});

test.each(['hook.example.org/token', 'ftp://hook.example.org/token', 'token'])(
  '%j from a file is refused as a URL, and is not in the message',
  (text) => {
    expect(() => addressOf(text, 'the webhook')).toThrow(
      expect.objectContaining({
        code: 'configuration',
        message: expect.not.stringMatching(/token|example/),
      }),
    );
  },
);
