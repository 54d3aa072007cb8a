/** How full something may be: a share of the file system that is used, or bytes that images take. */
export type Watermark = { readonly percent: number } | { readonly bytes: number };

/** When images that nobody uses are removed (`image-gc` in daemon.json). */
export interface ImageGcPolicy {
  /** Above `high` images go until there is no more than `low`; both of one kind. */
  readonly high: Watermark;
  readonly low: Watermark;
  /** Of each repository the newest so many stay. */
  readonly keepLast: number;
  /** Patterns of names that stay: `*` and `?` match any characters but a slash, `**` these too. */
  readonly pinned: readonly string[];
  /** Images that came or were used within that time stay. */
  readonly minAgeMs: number;
}

/** A watermark as daemon.json has it. */
export function watermarkText(mark: Watermark): string {
  return 'percent' in mark ? `${mark.percent}%` : String(mark.bytes);
}

/** The test of the pinned patterns over familiar names. */
export function pinnedTest(patterns: readonly string[]): (name: string) => string | undefined {
  const tests = patterns.map((pattern) => {
    const source = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
    const any = source.replace(/\*\*|\*|\?/g, (glob) => (glob === '**' ? '.*' : glob === '*' ? '[^/]*' : '[^/]'));
    return { pattern, expression: new RegExp(`^${any}$`) };
  });
  // A pattern without a tag means all of them.
  return (name) => {
    const bare = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
    return tests.find(({ expression }) => expression.test(name) || expression.test(bare))?.pattern;
  };
}
