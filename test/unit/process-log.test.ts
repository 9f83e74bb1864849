import { describe, expect, test } from 'vitest';
import { logFormatOf, ProcessLog } from '../../worker/process-log.ts';

/** A log, and what it has written. */
function logged(format: 'text' | 'json') {
  const lines: string[] = [];
  return { lines, log: new ProcessLog(format, (line) => lines.push(line)) };
}

describe('what a process says of itself', () => {
  test('is JSON off a terminal, and text on one, unless a flag says otherwise', () => {
    expect(logFormatOf(undefined, false)).toBe('json');
    expect(logFormatOf(undefined, true)).toBe('text');
    expect(logFormatOf('json', true)).toBe('json');
    expect(logFormatOf('text', false)).toBe('text');
  });

  test('as JSON is one object a line, with time, level and message first, whatever a message holds', () => {
    const { lines, log } = logged('json');
    log.info('a "quoted"\nmessage', { attempt: 2, reason: null });
    log.warn('slow');
    log.begin('for\npeople', 'up', { pid: 1 });
    log.events.error('failed', { code: 'credentials' });
    expect(lines.every((line) => !line.includes('\n'))).toBe(true);
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(parsed.map((line) => Object.keys(line).slice(0, 3))).toEqual(
      Array(4).fill(['time', 'level', 'message']),
    );
    expect(parsed.map(({ level }) => level)).toEqual(['info', 'warn', 'info', 'error']);
    expect(parsed[0]).toMatchObject({ message: 'a "quoted"\nmessage', attempt: 2, reason: null });
    expect(parsed[2]).toMatchObject({ message: 'up', pid: 1 });
    for (const { time } of parsed) expect(new Date(String(time)).toISOString()).toBe(time);
  });

  test('as text moves no cursor, whatever a server says', () => {
    const { lines, log } = logged('text');
    log.warn('FATAL: \u001b[2J\rall is well\u009b1m');
    expect(lines[0]).toMatch(/Z FATAL: \\x1b\[2J\\x0dall is well\\x9b1m$/);
  });

  test('as text keeps quiet about executions that do well, and gives trouble a time', () => {
    const { lines, log } = logged('text');
    log.begin('for\npeople', 'up', { pid: 1 });
    log.events.info('Backup complete');
    log.events.error('Backup failed', { instance: 'orders', error: 'no\nroute' });
    log.warn('slow');
    expect(lines).toEqual([
      'for\npeople',
      expect.stringMatching(/^\d{4}-\S+Z Backup failed instance=orders error=no \| route$/),
      expect.stringMatching(/^\d{4}-\S+Z slow$/),
    ]);
  });
});
