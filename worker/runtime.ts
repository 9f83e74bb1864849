import { DefaultLogger, type LogEntry, makeTelemetryFilterString, Runtime } from '@temporalio/worker';

/**
 * Installs Temporal's runtime: warnings of SDK and Core as lines for the given writer, and no signal handlers, since
 * the order in which things end is ours. Once a process.
 */
export function installRuntime(write: (line: string) => void): void {
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', (entry) => write(lineOf(entry))),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
    },
  });
}

function lineOf({ timestampNanos, level, message, meta }: LogEntry): string {
  const at = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  const details = Object.entries(meta ?? {})
    .filter(([name]) => name !== 'sdkComponent' && name !== 'taskToken')
    .map(([name, value]) => `${name}=${value instanceof Error ? value.message : JSON.stringify(value)}`);
  return [at, level, message.replace(/\s*\n\s*/g, ' | '), ...details].join(' ');
}
