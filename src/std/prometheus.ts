/** One number of a metric, with what tells it from the others. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
  /** `_bucket`, `_sum` or `_count` of a histogram. */
  readonly suffix?: string;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** One metric in Prometheus's text exposition format 0.0.4. */
export function metricText(
  name: string,
  type: 'counter' | 'gauge' | 'histogram',
  help: string,
  samples: readonly Sample[],
): string {
  const lines = samples.map(({ labels = {}, value, suffix = '' }) => `${name}${suffix}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

const boundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How often things of one kind took how long. */
export class Histogram {
  readonly #counts = new Array<number>(boundsSeconds.length).fill(0);
  #count = 0;
  #sumSeconds = 0;

  observe(seconds: number): void {
    this.#count += 1;
    this.#sumSeconds += seconds;
    const bound = boundsSeconds.findIndex((limit) => seconds <= limit);
    if (bound !== -1) this.#counts[bound] = (this.#counts[bound] ?? 0) + 1;
  }

  samples(labels: Readonly<Record<string, string>>): Sample[] {
    let below = 0;
    const buckets = boundsSeconds.map((bound, index): Sample => {
      below += this.#counts[index] ?? 0;
      return { suffix: '_bucket', labels: { ...labels, le: String(bound) }, value: below };
    });
    return [
      ...buckets,
      { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: this.#count },
      { suffix: '_sum', labels, value: this.#sumSeconds },
      { suffix: '_count', labels, value: this.#count },
    ];
  }
}

/** Histograms of one metric, told apart by labels. */
export class Histograms {
  readonly #known = new Map<
    string,
    { readonly labels: Readonly<Record<string, string>>; readonly histogram: Histogram }
  >();

  observe(labels: Readonly<Record<string, string>>, seconds: number): void {
    const key = JSON.stringify(Object.values(labels));
    const known = this.#known.get(key) ?? { labels, histogram: new Histogram() };
    this.#known.set(key, known);
    known.histogram.observe(seconds);
  }

  samples(): Sample[] {
    return [...this.#known.values()].flatMap(({ labels, histogram }) => histogram.samples(labels));
  }
}
