// Writes docs/commands.md and docs/configuration.md from what the code declares.
import { writeFile } from 'node:fs/promises';
import { references } from './reference/references.ts';

for (const { path, text } of await references()) await writeFile(path, text);
