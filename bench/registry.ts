/**
 * Measures our registry beside Debian's docker-registry on loopback, both on this disk, their samples alternating:
 *   tools/bun bench/registry.ts [--samples N] [--cases a,b]
 * Prints the throughput of each in MB/s, and ours as a multiple of the other's.
 */
import { existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { digest, TestClient } from '../src/registry/testing/client.ts';
import { startOwnRegistry, startRegistry } from '../test/harness/index.ts';

const megabyte = 1_000_000;
const bigBytes = 500 * megabyte;
const smallCount = 200;

const { values } = parseArgs({ options: { samples: { type: 'string', default: '5' }, cases: { type: 'string' } } });
const scratch = mkdtempSync(join(tmpdir(), 'estiba-bench-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));

interface Server {
  readonly title: string;
  readonly client: TestClient;
  readonly pid: number;
}

/** A transfer; gives how many bytes went. What it needs is made by `prepare`, outside of the time. */
interface Case {
  readonly name: string;
  prepare?(server: Server): Promise<void>;
  sample(server: Server): Promise<number>;
}

const random = (bytes: number): Uint8Array => {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(content.subarray(at, Math.min(at + 65_536, bytes)));
  return content;
};

const bigFile = join(scratch, 'big');
const big = random(bigBytes);
let bigDigest = '';
let small: { readonly content: Uint8Array; readonly name: string }[] = [];

/** Other content for each sample: what a registry has already, it need not store again. */
function renewBig(): void {
  crypto.getRandomValues(big.subarray(0, 64));
  const file = openSync(bigFile, 'w');
  for (let at = 0; at < big.length; ) at += writeSync(file, big, at, Math.min(big.length - at, 1 << 24));
  bigDigest = digest(big);
}

function renewSmall(): void {
  small = Array.from({ length: smallCount }, () => {
    const content = random(megabyte);
    return { content, name: digest(content) };
  });
}

async function curl(...args: readonly string[]): Promise<void> {
  const child = Bun.spawn(['curl', '-sSf', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  if ((await child.exited) !== 0) throw new Error(`curl ${args.join(' ')}`);
}

const placeOf = (server: Server, location: string): string => new URL(location, server.client.url).href;

async function pushBig(server: Server): Promise<number> {
  const location = placeOf(server, await server.client.startUpload('bench/push'));
  const chunked = ['-H', 'Transfer-Encoding: chunked', '-H', 'Expect:', '-D', join(scratch, 'headers')];
  await curl('-X', 'PATCH', '-T', bigFile, ...chunked, location);
  const headers = await Bun.file(join(scratch, 'headers')).text();
  const next = new URL(placeOf(server, /^location: (.+?)\r?$/im.exec(headers)?.[1] ?? location));
  next.searchParams.set('digest', bigDigest);
  await curl('-X', 'PUT', next.href);
  return bigBytes;
}

async function putBlob(server: Server, content: Uint8Array, name: string): Promise<void> {
  const next = new URL(placeOf(server, await server.client.startUpload('bench/small')));
  next.searchParams.set('digest', name);
  const answer = await fetch(next, { method: 'PUT', body: content as Bun.BodyInit });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
}

/** Several clients, each with its share of the work. */
async function together<T>(
  clients: number,
  work: readonly T[],
  one: (share: readonly T[]) => Promise<void>,
): Promise<void> {
  await Promise.all(Array.from({ length: clients }, (_, index) => one(work.filter((_, at) => at % clients === index))));
}

const getBig = (clients: number) => async (server: Server) => {
  const url = `${server.client.url}/v2/bench/push/blobs/${bigDigest}`;
  await together(clients, Array(clients).fill(url), ([one = '']) => curl('-o', '/dev/null', one));
  return bigBytes * clients;
};

const pushSmall = (clients: number) => async (server: Server) => {
  await together(clients, small, async (share) => {
    for (const { content, name } of share) await putBlob(server, content, name);
  });
  return smallCount * megabyte;
};

const getSmall = (clients: number) => async (server: Server) => {
  await together(clients, small, (share) =>
    curl(...share.flatMap(({ name }) => ['-o', '/dev/null', `${server.client.url}/v2/bench/small/blobs/${name}`])),
  );
  return smallCount * megabyte;
};

const cases: readonly Case[] = [
  { name: 'push of 500 MB', sample: pushBig },
  { name: 'push of 200 × 1 MB, 4 clients', sample: pushSmall(4) },
  { name: 'pull of 500 MB', prepare: async (server) => void (await pushBig(server)), sample: getBig(1) },
  { name: 'pull of 500 MB, 4 clients', prepare: async (server) => void (await pushBig(server)), sample: getBig(4) },
  {
    name: 'pull of 200 × 1 MB, 4 clients',
    prepare: async (server) => void (await pushSmall(4)(server)),
    sample: getSmall(4),
  },
];

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

async function measure(servers: readonly Server[], work: Case, samples: number): Promise<number[]> {
  const taken = servers.map((): number[] => []);
  for (let round = 0; round <= samples; round++) {
    renewBig();
    renewSmall();
    for (const [index, server] of servers.entries()) {
      await work.prepare?.(server);
      const startedAt = performance.now();
      const bytes = await work.sample(server);
      const rate = bytes / 1000 / (performance.now() - startedAt);
      if (round > 0) taken[index]?.push(rate);
    }
  }
  return taken.map(median);
}

async function peakOf({ pid }: Server): Promise<string> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  return `${Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1000)} MB`;
}

const built = join(import.meta.dir, '../dist/estiba');
await using own = await startOwnRegistry({ command: existsSync(built) ? [built] : undefined });
await using other = await startRegistry();
const servers: readonly Server[] = [
  { title: 'docker-registry', client: new TestClient(other.url), pid: other.pid },
  { title: 'Estiba', client: new TestClient(own.url), pid: own.pid },
];
console.log(`| case | ${servers.map(({ title }) => title).join(' | ')} | ratio |\n|---|---:|---:|---:|`);
for (const work of cases) {
  if (values.cases !== undefined && !values.cases.split(',').some((word) => work.name.includes(word))) continue;
  const [base = 0, ours = 0] = await measure(servers, work, Number(values.samples));
  console.log(`| ${work.name} | ${base.toFixed(0)} MB/s | ${ours.toFixed(0)} MB/s | ${(ours / base).toFixed(2)} |`);
}
console.log(`| peak memory | ${(await Promise.all(servers.map(peakOf))).join(' | ')} | |`);
