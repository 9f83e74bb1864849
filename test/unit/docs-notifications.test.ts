import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signatureOf } from '../../activities/channels/webhook.ts';
import { exitCodes } from '../../cli/exit-codes.ts';
import { parseConfig } from '../../config/parse.ts';
import { projectRoot } from '../servers/cache.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';

let text: string;
let workspace: Workspace;
beforeAll(async () => {
  text = await readFile(join(projectRoot, 'docs', 'notifications.md'), 'utf8');
  workspace = createWorkspace('docs');
});
afterAll(() => workspace.remove());

const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    ([, block]) => block ?? '',
  );

test('the check of a signature that the page shows takes what the webhook sends, and nothing else', async () => {
  const path = await workspace.file('genuine.mjs', blocks('js')[0] ?? '');
  const { isGenuine } = (await import(path)) as {
    isGenuine(header: string | undefined, body: string, secret: string, now?: number): boolean;
  };
  const body = '{"id":"ä"}';
  const header = signatureOf(body, 'secret', new Date());
  expect(isGenuine(header, body, 'secret')).toBe(true);
  expect(isGenuine(header, `${body} `, 'secret')).toBe(false);
  expect(isGenuine(header, body, 'other')).toBe(false);
  expect(isGenuine(header, body, 'secret', Date.now() + 600_000)).toBe(false);
  expect(isGenuine(signatureOf(body, 'secret', new Date(0)), body, 'secret')).toBe(false);
  expect(isGenuine(undefined, body, 'secret')).toBe(false);
  expect(isGenuine('t=1,v1=00', body, 'secret')).toBe(false);
});

test('every configuration that the page shows is one', () => {
  for (const block of blocks('yaml')) {
    const whole = block.replace('ed25519:…', `ed25519:${'A'.repeat(43)}=`);
    expect(() => parseConfig(whole, 'notifications.md'), block).not.toThrow();
  }
});

test.each([
  [exitCodes.ok.code, 0],
  [exitCodes.unprotected.code, 2],
  [exitCodes.unavailable.code, 2],
  [exitCodes.damaged.code, 2],
  [exitCodes.configuration.code, 3],
  [exitCodes.bug.code, 3],
])('the script for Nagios ends exit code %i as %i', async (code, nagios) => {
  const program = await workspace.file('backupctl', `#!/bin/sh\nexit ${code}\n`);
  const script = blocks('sh')[0] ?? '';
  expect(script).toContain('/opt/backupctl/bin/backupctl status --check');
  const path = workspace.path('check.sh');
  await writeFile(path, script.replace('/opt/backupctl/bin/backupctl', `sh ${program}`));
  expect(spawnSync('sh', [path]).status).toBe(nagios);
});
