import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { lookahead } from '../../repository/lookahead.ts';
import type { Mark } from '../../repository/manifest.ts';
import { markBytes, standing } from '../../repository/marks.ts';

const mark = (changes: Partial<Mark>): Mark => ({
  id: '01950000-0000-7000-8000-000000000001',
  backup_id: '01950000-0000-7000-8000-000000000000',
  kind: 'pin',
  at: '2026-03-04T05:06:07.000Z',
  by: 'test',
  note: null,
  refers_to: null,
  epoch: 1,
  signed_by: 'ed25519:x',
  signature: 'x',
  ...changes,
});

describe('marks', () => {
  test('are signed over bytes that another language makes from the document, as the format says', async () => {
    const document = mark({ note: 'a "note"\n\u0001\u007f é 漢 \u2028 🙂 \\ /' });
    const program = `import json, sys
document = json.loads(sys.argv[1])
del document["signature"]
keys = ["id", "backup_id", "kind", "at", "by", "note", "refers_to", "epoch", "signed_by"]
text = json.dumps({key: document[key] for key in keys}, separators=(",", ":"), ensure_ascii=False)
sys.stdout.buffer.write(text.encode("utf-8"))`;
    const shuffled = Object.fromEntries(Object.entries(document).reverse());
    const { stdout } = await promisify(execFile)('python3', ['-c', program, JSON.stringify(shuffled)], {
      encoding: 'buffer',
    });
    expect(stdout.equals(markBytes(document))).toBe(true);
  });

  test('stand until one that ends them refers to them', () => {
    const [first, second] = [mark({ id: '1' }), mark({ id: '2' })];
    const ended = mark({ id: '3', kind: 'unpin', refers_to: '1' });
    const other = mark({ id: '4', kind: 'undelete', refers_to: '2' });
    expect(standing([first, second, ended, other], 'pin')).toEqual([second]);
    expect(standing([first, ended], 'tombstone')).toEqual([]);
  });
});

describe('looking ahead', () => {
  test('keeps the order, and never has more under way than it may', async () => {
    let underWay = 0;
    let most = 0;
    const results: number[] = [];
    const items = Array.from({ length: 30 }, (_, n) => n);
    const mapped = lookahead(items, 4, async (n) => {
      underWay += 1;
      most = Math.max(most, underWay);
      for (let turns = (n * 7) % 5; turns >= 0; turns -= 1) await Promise.resolve();
      underWay -= 1;
      return n * 2;
    });
    for await (const result of mapped) results.push(result);
    expect(results).toEqual(items.map((n) => n * 2));
    expect(most).toBe(4);
  });

  test('gives what came before a failure, and then the failure, with nothing left under way', async () => {
    const results: number[] = [];
    let settled = 0;
    const mapped = lookahead([1, 2, 3, 4, 5], 3, async (n) => {
      try {
        await Promise.resolve();
        if (n === 3) throw new Error('third');
        return n;
      } finally {
        settled += 1;
      }
    });
    await expect(
      (async () => {
        for await (const result of mapped) results.push(result);
      })(),
    ).rejects.toThrow('third');
    expect(results).toEqual([1, 2]);
    expect(settled).toBe(5);
  });
});
