import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { dockerCli } from '../test/harness/index.ts';
import type { Case } from './cases.ts';
import { docker, type Host, timed } from './host.ts';
import { random, scratchDirectory } from './scratch.ts';

const tag = 'bench-build';
const contextFiles = 50_000;
const stages = 10;
const mebibyte = 1024 * 1024;

/** Two hundred files and the usual instructions. */
const usual = scratchDirectory((directory) => {
  const lines = [
    'FROM busybox',
    'RUN echo one > /one',
    'COPY . /src',
    'RUN cat /src/f* | wc -c > /two',
    'ENV A=1',
    'RUN rm -rf /src',
  ];
  writeFileSync(join(directory, 'Dockerfile'), `${lines.join('\n')}\n`);
  for (let index = 0; index < 200; index++) writeFileSync(join(directory, `f${index}`), random(20_000));
});

/** Stages that do not need each other, each with some fifty milliseconds of work. */
const independent = scratchDirectory((directory) => {
  const work = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done';
  const each = Array.from(
    { length: stages },
    (_, index) => `FROM busybox AS s${index}\nRUN ${work}; echo ${index} > /o${index}`,
  );
  const copies = each.map((_, index) => `COPY --from=s${index} /o${index} /`);
  writeFileSync(join(directory, 'Dockerfile'), `${[...each, 'FROM busybox', ...copies].join('\n')}\n`);
});

/** A source tree as large ones are. */
const many = scratchDirectory((directory) => {
  writeFileSync(join(directory, 'Dockerfile'), 'FROM busybox\nCOPY . /src\n');
  for (let index = 0; index < contextFiles; index++) {
    const place = join(directory, `d${Math.floor(index / 100)}`);
    if (index % 100 === 0) mkdirSync(place);
    writeFileSync(join(place, `f${index}`), `file ${index}\n`);
  }
});

const twoGigabytes = scratchDirectory((directory) => {
  writeFileSync(join(directory, 'Dockerfile'), 'FROM busybox\nCOPY large /large\n');
  const piece = random(64 * mebibyte);
  const file = openSync(join(directory, 'large'), 'w');
  for (let index = 0; index < 32; index++) {
    // No two pieces are alike.
    piece.writeUInt32LE(index);
    for (let rest = piece; rest.length > 0; ) rest = rest.subarray(writeSync(file, rest));
  }
  closeSync(file);
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
