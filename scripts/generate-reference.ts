// Writes docs/commands.md, docs/actions.md, docs/configuration.md, docs/metrics.md, docs/engines/README.md and the dashboard from what the code declares.
import { writeFile } from 'node:fs/promises';
import { references } from './reference/references.ts';

for (const { path, text } of await references()) await writeFile(path, text);
