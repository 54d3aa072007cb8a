/** How many tests passed and how many did not. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

function attribute(tag: string, name: string): number {
  return Number(new RegExp(`\\b${name}="(\\d+)"`).exec(tag)?.[1] ?? 0);
}

/** Reads the totals of a JUnit report as `bun test` writes it. A skipped test counts as failed: nothing was proved. */
export function readJunit(xml: string): Tally {
  const totals = /<testsuites\b[^>]*>/.exec(xml)?.[0] ?? '';
  const failed = attribute(totals, 'failures') + attribute(totals, 'errors') + attribute(totals, 'skipped');
  return { passed: attribute(totals, 'tests') - failed, failed };
}
