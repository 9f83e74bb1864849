import {
  type LabelsOf,
  type MetricDefinition,
  type MetricName,
  metricDefinitions,
  type NamesOfType,
} from './metric-definitions.ts';

type Labels = Record<string, string>;

/** What one combination of labels has come to. */
interface Series {
  labels: Labels;
  /** Of a histogram: the sum of what was observed. */
  value: number;
  /** Of a histogram: how often something fell into each bucket, the infinite one last. */
  counts: number[];
}

/**
 * The values of all metrics, and their text in Prometheus' format 0.0.4. Counters begin anew with the process, as
 * Prometheus expects.
 */
export class MetricRegistry {
  readonly #series = new Map<MetricName, Map<string, Series>>();

  set<N extends NamesOfType<'gauge' | 'counter'>>(name: N, value: number, labels: LabelsOf<N>): void {
    this.#of(name, labels).value = value;
  }

  add<N extends NamesOfType<'counter'>>(name: N, amount: number, labels: LabelsOf<N>): void {
    this.#of(name, labels).value += amount;
  }

  observe<N extends NamesOfType<'histogram'>>(name: N, value: number, labels: LabelsOf<N>): void {
    const series = this.#of(name, labels);
    const { buckets } = metricDefinitions[name];
    const found = buckets.findIndex((bound) => value <= bound);
    const bucket = found < 0 ? buckets.length : found;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.value += value;
  }

  /** The value of a series, or null where it has none yet. */
  get<N extends NamesOfType<'gauge' | 'counter'>>(name: N, labels: LabelsOf<N>): number | null {
    return this.#series.get(name)?.get(keyOf(name, labels))?.value ?? null;
  }

  /** Forgets a series: an instance or a copy that is gone must not be told of for ever. */
  forgetSeries<N extends MetricName>(name: N, labels: LabelsOf<N>): void {
    this.#series.get(name)?.delete(keyOf(name, labels));
  }

  /** The labels of every series of a metric. */
  labelsOf<N extends MetricName>(name: N): LabelsOf<N>[] {
    return [...(this.#series.get(name)?.values() ?? [])].map(({ labels }) => labels as LabelsOf<N>);
  }

  /** What Prometheus reads; metrics without a value are left out. */
  render(): string {
    let text = '';
    for (const [name, definition] of Object.entries(metricDefinitions)) {
      const all = this.#series.get(name as MetricName);
      if (all === undefined || all.size === 0) continue;
      text += `# HELP ${name} ${escapeHelp(definition.help)}\n# TYPE ${name} ${definition.type}\n`;
      for (const series of all.values()) text += lines(name, definition, series);
    }
    return text;
  }

  #of(name: MetricName, labels: Labels): Series {
    const all = this.#series.get(name) ?? new Map<string, Series>();
    this.#series.set(name, all);
    const key = keyOf(name, labels);
    const known = all.get(key);
    if (known !== undefined) return known;
    // In the order of the definition, whatever the caller's was.
    const ordered = metricDefinitions[name].labels.map((label) => [label, labels[label] ?? '']);
    const series: Series = { labels: Object.fromEntries(ordered) as Labels, value: 0, counts: [] };
    all.set(key, series);
    return series;
  }
}

function keyOf(name: MetricName, labels: Labels): string {
  return JSON.stringify(metricDefinitions[name].labels.map((label) => labels[label] ?? ''));
}

function lines(name: string, { type, buckets = [] }: MetricDefinition, series: Series): string {
  const { labels, value, counts } = series;
  if (type !== 'histogram') return `${name}${labelText(labels)} ${value}\n`;
  let text = '';
  let below = 0;
  for (const [index, bound] of [...buckets, '+Inf'].entries()) {
    below += counts[index] ?? 0;
    text += `${name}_bucket${labelText({ ...labels, le: String(bound) })} ${below}\n`;
  }
  return `${text}${name}_sum${labelText(labels)} ${value}\n${name}_count${labelText(labels)} ${below}\n`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    return `${name}="${escaped}"`;
  });
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
