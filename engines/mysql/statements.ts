import type { RunContext, Target } from '../engine.ts';
import { withSession } from './connection.ts';
import { queryError } from './errors.ts';
import { quoteIdentifier } from './quote.ts';
import { parseMysqlUrl } from './url.ts';

/** Rows of a hook's answer that are told; it is no way to read tables. */
const most = 50;

/**
 * Runs statements of a hook in one session, one after another, in the database of the URL where it names one.
 * @returns what they answered, a line for each row
 */
export async function runStatements(target: Target, statements: string, run: RunContext): Promise<string[]> {
  const { database } = parseMysqlUrl(target.url);
  const options = { executionId: run.executionId, signal: run.signal };
  try {
    return await withSession(target, options, async (session) => {
      if (database !== null) await session.query(`USE ${quoteIdentifier(database)}`);
      const lines: string[] = [];
      for (const statement of splitStatements(statements)) {
        for (const row of await session.query(statement)) {
          if (lines.length < most) lines.push(Object.values(row).map(String).join('\t'));
        }
      }
      return lines;
    });
  } catch (error) {
    throw queryError(error, 'running the statements of a hook');
  }
}

/** Splits at semicolons that stand outside of quotes and comments. */
export function splitStatements(text: string): string[] {
  const token =
    /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`|--[ \t][^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|;|[\s\S]/g;
  const statements: string[] = [];
  let current = '';
  for (const [part] of text.matchAll(token)) {
    if (part === ';') {
      statements.push(current);
      current = '';
    } else current += /^(?:--[ \t]|#)/.test(part) ? ' ' : part;
  }
  return [...statements, current].map((each) => each.trim()).filter((each) => each !== '');
}
