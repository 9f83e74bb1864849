import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, postgresBinaries } from '../../test/servers/cache.ts';
import type { Workspace } from '../../test/servers/workspace.ts';

/** Programs that the product starts, and that we can make misbehave. */
export const tools = ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql', 'zstd', 'tee', 'tail', 'sed'] as const;
export type Tool = (typeof tools)[number];

/**
 * - `exit-0-early`: ends well before it has begun, having written nothing
 * - `exit-0-cut`: does its work, but ends well after some of its output
 * - `exit-1-late`: does all of it, then fails
 * - `stderr-flood`: does its work while it writes to standard error without end
 * - `hang`: reads and writes nothing, until it is killed
 */
export type Misbehaviour = 'exit-0-early' | 'exit-0-cut' | 'exit-1-late' | 'stderr-flood' | 'hang';

/** A word to a tool; several to one tool at once are not possible: the last one counts. */
export interface Order {
  /** How often the tool has done so. */
  count(): number;
  /** From now on it behaves. */
  remove(): void;
}

/** A folder, first in the platform's PATH, of programs that are the real ones, but for a word of ours. */
export interface Toolbox {
  folder: string;
  /** From now on, each start of the tool does this. `--version` always works: it is asked for before a run. */
  misbehave(tool: Tool, how: Misbehaviour): Order;
}

export function makeToolbox(workspace: Workspace): Toolbox {
  const folder = workspace.path('tools');
  const orders = workspace.path('orders');
  mkdirSync(folder);
  mkdirSync(orders);
  for (const tool of tools) {
    const path = join(folder, tool);
    writeFileSync(path, script(realPath(tool), join(orders, tool)));
    chmodSync(path, 0o755);
  }
  let number = 0;
  return {
    folder,
    misbehave(tool, how) {
      number += 1;
      const counts = join(orders, `count-${number}`);
      writeFileSync(join(orders, tool), `${how} ${counts}\n`);
      return {
        count: () => countOf(counts),
        remove: () => rmSync(join(orders, tool), { force: true }),
      };
    },
  };
}

function realPath(tool: Tool): string {
  if (tool.startsWith('p')) return join(postgresBinaries(18), tool);
  return findProgram(tool);
}

/** The shell gives way to the real program, so that its name and its process are those of the real one. */
function script(real: string, order: string): string {
  return `#!/bin/bash
[ -e '${order}' ] || exec '${real}' "$@"
case "$*" in *--version*) exec '${real}' "$@";; esac
read -r how counts 2>/dev/null < '${order}' || exec '${real}' "$@"
echo "$how" >> "$counts"
case "$how" in
  exit-0-early) exit 0;;
  exit-0-cut) '${real}' "$@" | head -c 3000; exit 0;;
  exit-1-late) '${real}' "$@"; exit 1;;
  stderr-flood) (while echo 'warning: the same again, and again, and again' >&2; do :; done) & flood=$!
    '${real}' "$@"; code=$?; kill $flood; exit $code;;
  hang) exec sleep 100000;;
esac
exec '${real}' "$@"
`;
}

function countOf(path: string): number {
  try {
    return readFileSync(path, 'utf8').split('\n').length - 1;
  } catch {
    return 0;
  }
}
