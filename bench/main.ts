/**
 * Times the same work on any number of engines and prints the table of the README:
 *   npm run bench -- unix:///var/run/docker.sock unix:///run/estiba/estiba.sock
 * Ratios are to the first host. Options: --samples N, --cases a,b, --runs N (memory again after N more runs).
 */
import { parseArgs } from 'node:util';
import { type Case, cases } from './cases.ts';
import { docker, type Host, openHost } from './host.ts';
import { weigh, weighContainers } from './memory.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    samples: { type: 'string', default: '7' },
    cases: { type: 'string' },
    runs: { type: 'string', default: '0' },
  },
});

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** The samples of the hosts alternate, so that the machine's drift falls on all alike. */
async function measure(hosts: readonly Host[], work: Case, samples: number): Promise<(number | undefined)[]> {
  const taken = hosts.map((): number[] => []);
  const broken = new Set<number>();
  const guarded = async (index: number, step: () => Promise<unknown>): Promise<void> => {
    if (broken.has(index)) return;
    await step().catch((error: unknown) => {
      broken.add(index);
      console.error(`${work.name}: ${error instanceof Error ? error.message.trim() : String(error)}`);
    });
  };
  for (const [index, host] of hosts.entries()) {
    await guarded(index, async () => work.prepare?.(host));
    await guarded(index, () => work.sample(host));
  }
  for (let round = 0; round < samples; round++) {
    for (const [index, host] of hosts.entries()) {
      await guarded(index, async () => taken[index]?.push(await work.sample(host)));
    }
  }
  for (const host of hosts) await work.clear?.(host);
  return taken.map((numbers, index) => (broken.has(index) ? undefined : median(numbers)));
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function printRow(name: string, unit: 'ms' | 'MB', numbers: readonly (number | undefined)[], goal = ''): void {
  const digits = unit === 'ms' ? 0 : 1;
  const [base] = numbers;
  const cells = numbers.map((value, index) => {
    if (value === undefined) return 'failed';
    const text = `${value.toFixed(digits)} ${unit}`;
    return index === 0 || base === undefined ? text : `${text} (${(value / base).toFixed(2)})`;
  });
  console.log(row(name, ...cells, goal));
}

async function weighAll(hosts: readonly Host[], runs: number): Promise<void> {
  const megabytes = (bytes: number): number => bytes / 1e6;
  const idle = hosts.map(weigh);
  printRow(
    'idle, RSS',
    'MB',
    idle.map(({ rssBytes }) => megabytes(rssBytes)),
  );
  printRow(
    'idle, PSS',
    'MB',
    idle.map(({ pssBytes }) => megabytes(pssBytes)),
  );
  const each: number[] = [];
  for (const host of hosts) each.push(megabytes(await weighContainers(host, 50)));
  printRow('a running container, PSS', 'MB', each);
  if (runs === 0) return;
  for (const host of hosts) {
    for (let done = 0; done < runs; done++) await docker(host, 'run', '--rm', '--network', 'none', 'busybox', 'true');
  }
  printRow(
    `idle after ${runs} runs, PSS`,
    'MB',
    hosts.map((host) => megabytes(weigh(host).pssBytes)),
  );
}

if (positionals.length === 0) {
  console.error('usage: npm run bench -- [--samples N] [--cases a,b] [--runs N] HOST...');
  process.exit(1);
}
const hosts = await Promise.all(positionals.map(openHost));
const chosen = values.cases?.split(',');
console.log(row('case', ...hosts.map(({ title }) => title), 'goal'));
console.log(row('---', ...hosts.map(() => '---:'), '---'));
for (const work of cases) {
  if (chosen !== undefined && !chosen.includes(work.name)) continue;
  printRow(work.name, 'ms', await measure(hosts, work, Number(values.samples)), work.goal);
}
if (chosen === undefined || chosen.includes('memory')) await weighAll(hosts, Number(values.runs));
