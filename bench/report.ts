/** Several contenders, measured in turn, in the same run. */
export interface Contest {
  title: string;
  /** Seconds (or what `unit` says) by contender, one figure a round. The first contender is ours. */
  figures: Map<string, number[]>;
  unit: string;
  /** What the ratio to a contender is to be, where there is a goal: `at least 1.1`. */
  goals: Map<string, { atLeast?: number; atMost?: number }>;
}

export function sorted(figures: readonly number[]): { min: number; median: number; max: number } {
  const order = [...figures].sort((a, b) => a - b);
  const middle = order.length / 2;
  const median =
    order.length % 2 === 1
      ? (order[Math.floor(middle)] ?? Number.NaN)
      : ((order[middle - 1] ?? Number.NaN) + (order[middle] ?? Number.NaN)) / 2;
  return { min: order[0] ?? Number.NaN, median, max: order.at(-1) ?? Number.NaN };
}

/** A Markdown table: figures with their spread, and how many times as long the others take as we do, by round. */
export function table({ title, figures, unit, goals }: Contest): string {
  const [ours] = figures;
  if (ours === undefined) throw new Error('a contest without contenders');
  const lines = [
    `### ${title}`,
    '',
    `| contender | min ${unit} | median | max | ratio to ours: min | median | max | goal |`,
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const [name, values] of figures) {
    const { min, median, max } = sorted(values);
    const own = name === ours[0];
    const ratios = sorted(values.map((value, round) => value / (ours[1][round] ?? Number.NaN)));
    const goal = goals.get(name);
    const met =
      goal === undefined
        ? ''
        : goal.atLeast !== undefined
          ? `at least ${goal.atLeast}: ${ratios.median >= goal.atLeast ? 'met' : 'missed'}`
          : `at most ${goal.atMost}: ${ratios.median <= (goal.atMost ?? 0) ? 'met' : 'missed'}`;
    lines.push(
      `| ${name} | ${[min, median, max].map((value) => value.toFixed(2)).join(' | ')} | ${
        own ? ' |  | ' : [ratios.min, ratios.median, ratios.max].map((value) => value.toFixed(2)).join(' | ')
      } | ${met} |`,
    );
  }
  return `${lines.join('\n')}\n`;
}
