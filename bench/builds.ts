import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerCli } from '../test/harness/index.ts';
import type { Case } from './cases.ts';
import { docker, type Host, timed } from './host.ts';

const tag = 'bench-build';
const contextFiles = 50_000;
const stages = 10;
const mebibyte = 1024 * 1024;

/** A context that is made when it is first wanted, and is gone with the process. */
function contextOf(make: (directory: string) => void): () => string {
  let made: string | undefined;
  return () => {
    if (made !== undefined) return made;
    const directory = mkdtempSync(join(tmpdir(), 'estiba-bench-'));
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
    make(directory);
    made = directory;
    return directory;
  };
}

function noise(bytes: number): Buffer {
  const content = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(content.subarray(at, Math.min(at + 65_536, bytes)));
  return content;
}

/** Two hundred files and the usual instructions. */
const usual = contextOf((directory) => {
  const lines = [
    'FROM busybox',
    'RUN echo one > /one',
    'COPY . /src',
    'RUN cat /src/f* | wc -c > /two',
    'ENV A=1',
    'RUN rm -rf /src',
  ];
  writeFileSync(join(directory, 'Dockerfile'), `${lines.join('\n')}\n`);
  for (let index = 0; index < 200; index++) writeFileSync(join(directory, `f${index}`), noise(20_000));
});

/** Stages that do not need each other, each with some fifty milliseconds of work. */
const independent = contextOf((directory) => {
  const work = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done';
  const each = Array.from(
    { length: stages },
    (_, index) => `FROM busybox AS s${index}\nRUN ${work}; echo ${index} > /o${index}`,
  );
  const copies = each.map((_, index) => `COPY --from=s${index} /o${index} /`);
  writeFileSync(join(directory, 'Dockerfile'), `${[...each, 'FROM busybox', ...copies].join('\n')}\n`);
});

/** A source tree as large ones are, of which one file goes into the image. */
const many = contextOf((directory) => {
  writeFileSync(join(directory, 'Dockerfile'), 'FROM busybox\nCOPY . /src\n');
  for (let index = 0; index < contextFiles; index++) {
    const place = join(directory, `d${Math.floor(index / 100)}`);
    if (index % 100 === 0) mkdirSync(place);
    writeFileSync(join(place, `f${index}`), `file ${index}\n`);
  }
});

const twoGigabytes = contextOf((directory) => {
  writeFileSync(join(directory, 'Dockerfile'), 'FROM busybox\nCOPY large /large\n');
  const piece = noise(64 * mebibyte);
  const writer = Bun.file(join(directory, 'large')).writer();
  for (let index = 0; index < 32; index++) {
    piece.writeUInt32LE(index);
    writer.write(Buffer.from(piece));
  }
  void writer.end();
});

interface Way {
  readonly isClassic?: boolean;
  readonly flags?: readonly string[];
}

function build(context: () => string, { isClassic = false, flags = [] }: Way): (host: Host) => Promise<number> {
  const way = isClassic ? ['build'] : ['buildx', 'build'];
  return (host) => {
    const environment = isClassic ? ['env', 'DOCKER_BUILDKIT=0'] : [];
    return timed([...environment, dockerCli(), ...way, ...flags, '-q', '-t', tag, context()], host);
  };
}

async function clear(host: Host): Promise<void> {
  await docker(host, 'rmi', '-f', tag);
}

function buildCase(name: string, goal: string, context: () => string, way: Way = {}): Case {
  return { name, goal, sample: build(context, way), clear };
}

const cold = { flags: ['--no-cache'] };

/** What builds take, through the doors of Docker's clients. */
export const buildCases: readonly Case[] = [
  buildCase('build-cold', '≤ 0.45', usual, { ...cold, isClassic: true }),
  buildCase('build-cached', '≤ 0.6', usual, { isClassic: true }),
  buildCase('buildx-cold', '≤ 0.45', usual, cold),
  buildCase('buildx-cached', '≤ 0.6', usual),
  buildCase('build-ten-stages', '≤ 0.5', independent, cold),
  buildCase('build-50000-files', '≤ 0.5', many),
  buildCase('build-copy-2gb', '≤ 0.6', twoGigabytes, cold),
];
