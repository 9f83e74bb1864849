import { writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type BundleOptions, bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

// The child process of `bundle.ts`: bundles the workflows into the file that its one argument names.
const target = process.argv[2];
if (target === undefined) throw new Error('which file shall the bundle go to?');
const index = `index${extname(import.meta.filename)}`;
const { code } = await bundleWorkflowCode({
  workflowsPath: join(import.meta.dirname, '..', 'workflows', index),
  logger: new DefaultLogger('ERROR'),
  webpackConfigHook: withTarget,
});
await writeFile(target, code, { flag: 'wx', mode: 0o644 });

/**
 * The SDK has TypeScript written for engines of 2017, where each private field becomes a map and each spread a loop: the
 * interpreter of workbooks takes twice the time then.
 */
function withTarget(configuration: Configuration): Configuration {
  for (const rule of configuration.module?.rules ?? []) {
    if (typeof rule !== 'object' || rule === null || typeof rule.use !== 'object') continue;
    const { use } = rule;
    if (use === null || !('options' in use) || typeof use.options !== 'object') continue;
    const jsc: { target?: string } | undefined = use.options.jsc;
    if (jsc?.target !== undefined) jsc.target = 'es2022';
  }
  return configuration;
}

type Configuration = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];
