import { DefaultLogger, type LogEntry, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { LogLevel, ProcessLog } from './process-log.ts';

/**
 * Installs Temporal's runtime: warnings of SDK and Core as lines for the given writer, and no signal handlers, since
 * the order in which things end is ours. Once a process.
 */
export function installRuntime(log: ProcessLog, write: (line: string) => void): void {
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', (entry) => write(lineOf(log, entry))),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
    },
  });
}

const levels: Partial<Record<LogEntry['level'], LogLevel>> = { WARN: 'warn', ERROR: 'error' };

function lineOf(log: ProcessLog, { timestampNanos, level, message, meta }: LogEntry): string {
  const fields = Object.entries(meta ?? {})
    .filter(([name]) => name !== 'sdkComponent' && name !== 'taskToken')
    .map(([name, value]) => [name, value instanceof Error ? value.message : value]);
  const text = log.format === 'json' ? message : `${level} ${message}`;
  return log.line(
    levels[level] ?? 'info',
    text,
    { ...(log.format === 'json' ? { source: 'temporal' } : {}), ...(Object.fromEntries(fields) as object) },
    new Date(Number(timestampNanos / 1_000_000n)),
  );
}
