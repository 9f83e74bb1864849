import { writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

// The child process of `bundle.ts`: bundles the workflows into the file that its one argument names.
const target = process.argv[2];
if (target === undefined) throw new Error('which file shall the bundle go to?');
const index = `index${extname(import.meta.filename)}`;
const { code } = await bundleWorkflowCode({
  workflowsPath: join(import.meta.dirname, '..', 'workflows', index),
  logger: new DefaultLogger('ERROR'),
});
await writeFile(target, code, { flag: 'wx', mode: 0o644 });
