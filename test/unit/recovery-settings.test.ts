import { copyFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newIndexIdentity } from '../../repository/keys.ts';
import { recoverySettings } from '../../worker/recovery/settings.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';

let workspace: Workspace;
beforeAll(async () => {
  workspace = createWorkspace('recovery-settings');
  await writeFile(workspace.path('identity.txt'), await newIndexIdentity(new Date()), { mode: 0o600 });
  await copyFile(workspace.path('identity.txt'), workspace.path('kept.txt'));
  await writeFile(
    workspace.path('backupctl.yaml'),
    `repository: { type: s3, bucket: backups, endpoint: "https://gone.example.org" }
copies: [{ name: other, type: s3, bucket: backups, endpoint: "https://other.example.org:9000" }]
`,
  );
});
afterAll(() => workspace?.remove());

const settings = (endpoint?: string) =>
  recoverySettings({
    repository: 's3://backups',
    endpoint,
    identity: workspace.path('kept.txt'),
    trust: [],
    activate: false,
    dryRun: true,
    dataDir: workspace.directory,
    env: {},
    cwd: workspace.directory,
    onProgress: () => {},
  });

test('of two buckets of one name that of the endpoint is read, and without one neither', async () => {
  expect(await settings('https://other.example.org:9000/')).toMatchObject({
    place: 'other',
    reading: { store: { endpoint: 'https://other.example.org:9000' } },
  });
  expect(await settings('https://gone.example.org')).toMatchObject({ place: 'primary' });
  await expect(settings()).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('stands for primary and other'),
  });
  await expect(settings('https://third.example.org')).rejects.toMatchObject({ code: 'configuration' });
});
