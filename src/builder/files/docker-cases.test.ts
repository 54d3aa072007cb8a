import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '#std/errors';
import { createFixture } from '../frontend/testing/fixture.ts';
import type { FileOperation } from '../graph/operation.ts';
import type { Vertex } from '../graph/vertex.ts';
import type { Result } from '../result.ts';
import { writeDockerContext } from './docker-context.fixture.ts';
import { type FilesFixture, layerLines, openFilesFixture, stepRun } from './testing.ts';

let fixture: FilesFixture;
let context: Result;
let base: Result;

/** The vertex that a Dockerfile's last instruction becomes. */
async function lastVertex(instructions: string): Promise<Vertex> {
  using frontend = createFixture({ context: {}, dockerfile: { Dockerfile: `FROM scratch\n${instructions}\n` } });
  const { outputs } = await frontend.build();
  const edge = outputs[0]?.edge;
  if (edge === undefined) throw new Error('the Dockerfile makes nothing');
  return edge.vertex;
}

/** Does a vertex on the files of the context and on the base, after looking at what it copies, as the solver does. */
async function perform({ operation, inputs }: Vertex): Promise<Result> {
  const file = operation as FileOperation;
  const results = inputs.map(({ vertex }) => (vertex.operation.type === 'source' ? context : base));
  const signal = new AbortController().signal;
  for (const { action, secondaryInput } of file.actions) {
    const from = results[secondaryInput];
    if (action.type !== 'copy' || from === undefined) continue;
    await fixture.files.digest(from, action, { signal, listsFiles: false }).catch((error: unknown) => {
      throw new Error(`failed to compute cache key: ${messageOf(error)}`);
    });
  }
  const [made] = await fixture.files.file(file, stepRun(results));
  if (made === undefined) throw new Error('no layer');
  return made;
}

beforeAll(async () => {
  fixture = await openFilesFixture();
  const directory = join(fixture.root, 'context');
  mkdirSync(directory);
  writeDockerContext(directory);
  context = { kind: 'directory', path: directory };
  base = { kind: 'layers', chain: [] };
  base = await perform(await lastVertex('ADD base.tar /'));
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** Instructions, each with the lines that Docker's layer has. */
const cases = readFileSync(join(import.meta.dir, 'docker-cases.txt'), 'utf8')
  .split('\n## ')
  .slice(1)
  .map((text) => {
    const [instruction = '', ...lines] = text.split('\n');
    return { instruction, lines: lines.filter((line) => line !== '') };
  });

async function outcome(instruction: string): Promise<string[]> {
  try {
    const made = await perform(await lastVertex(`ADD base.tar /\n${instruction}`));
    const layer = fixture.layers(made).at(-1);
    const lines = await layerLines(layer?.directory ?? '');
    // Archives are packed otherwise here: all of them in one listing would tell nothing.
    return instruction === 'COPY . /all' ? lines.filter((line) => !/\.(tar|t[bgx]z|tzst)\b/.test(line)) : lines;
  } catch (error) {
    return [`error: ${messageOf(error)}`.replace(/of ref \S+:/, 'of ref …:')];
  }
}

test('each COPY, ADD and WORKDIR makes the layer that Docker makes, or fails in its words', async () => {
  expect(cases.length).toBeGreaterThan(80);
  const differing: string[] = [];
  for (const { instruction, lines } of cases) {
    const made = await outcome(instruction);
    if (JSON.stringify(made.sort()) === JSON.stringify(lines.toSorted())) continue;
    const only = (these: string[], others: string[]): string =>
      these.filter((line) => !others.includes(line)).join('\n  ');
    differing.push(`${instruction}\n- ${only(lines, made)}\n+ ${only(made, lines)}`);
  }
  expect(differing.join('\n\n')).toBe('');
});
