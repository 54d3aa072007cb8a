import { expect, test } from 'bun:test';
import { kindOf, messageOf } from '#std/errors';
import type { Vertex } from '../graph/vertex.ts';
import { at, copy, exec, image, local, newBuild, openBench } from '../testing/bench.ts';
import { SolveError } from './solve-error.ts';

type Bench = ReturnType<typeof openBench>;

async function build(bench: Bench, vertex: Vertex, more: Parameters<typeof newBuild>[0] = {}) {
  const made = newBuild(more);
  const held = await bench.solver.solve(at(vertex), made.context);
  const { result, key } = held;
  held.release();
  return { ...made, result, key };
}

/** Everything that is held is held for records that are not written yet. */
async function expectNothingHeld(bench: Bench): Promise<void> {
  await bench.cache.flush();
  expect(bench.solver.isIdle()).toBeTrue();
  expect([...bench.layers.holds]).toEqual([]);
}

test('what is known is looked up, from the first step that is not', async () => {
  const ran: string[] = [];
  await using bench = openBench(async ([word = '']) => {
    ran.push(word);
    return word;
  });
  const first = exec(exec(image(), 'one'), 'two');
  const one = await build(bench, first);
  expect(ran).toEqual(['one', 'two']);
  await bench.cache.flush();
  const again = await build(bench, first);
  expect(ran).toEqual(['one', 'two']);
  expect(again.result).toEqual(one.result);
  expect(again.key).toBe(one.key);
  expect(again.last(first)?.isCached).toBeTrue();
  // A known end needs neither its steps nor its base.
  expect(bench.brought).toEqual(['docker-image://busybox']);
  await build(bench, exec(exec(image(), 'one'), 'three'));
  expect(ran).toEqual(['one', 'two', 'three']);
  await expectNothingHeld(bench);
});

test('a copy is known by the files that it takes, not by the others, and a missing one is said by name', async () => {
  await using bench = openBench();
  bench.files.set('/a', 'A').set('/b', 'B');
  const step = copy(image(), local(), '/a');
  await build(bench, step);
  bench.files.set('/b', 'other');
  expect((await build(bench, step)).last(step)?.isCached).toBeTrue();
  bench.files.set('/a', 'other');
  const changed = await build(bench, step, { explains: true });
  expect(changed.last(step)?.isCached).toBeUndefined();
  expect(changed.told.find((one) => one.type === 'vertex' && one.cause !== undefined)).toMatchObject({
    cause: 'file a changed',
  });
  expect(bench.released).toHaveLength(bench.brought.filter((one) => one.startsWith('local')).length);
  const missing = copy(image(), local(), '/none');
  const broken = newBuild();
  const error = await bench.solver.solve(at(missing), broken.context).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SolveError);
  expect(error).toMatchObject({
    kind: 'not-found',
    vertex: missing,
    message: 'failed to compute cache key: failed to calculate checksum of ref x: "/none": not found',
  });
  expect(broken.last(missing)?.error).toBe('failed to calculate checksum of ref x: "/none": not found');
  await expectNothingHeld(bench);
});

test('a copy of a stage that is known looks into nothing', async () => {
  const ran: string[] = [];
  await using bench = openBench(async ([word = '']) => {
    ran.push(word);
    return word;
  });
  const stage = exec(image(), 'make');
  const end = copy(image('empty'), stage, '/out');
  await build(bench, end);
  expect(bench.digested).toContain('/out');
  bench.digested.length = 0;
  bench.brought.length = 0;
  await bench.cache.flush();
  const again = await build(bench, end);
  expect(again.last(end)?.isCached).toBeTrue();
  expect(again.last(stage)?.isCached).toBeTrue();
  expect([ran, bench.digested, bench.brought]).toEqual([['make'], [], []]);
  await expectNothingHeld(bench);
});

test('a copy of an image is known by the image, which is looked into by the step alone', async () => {
  await using bench = openBench();
  const end = copy(image('empty'), image('tools'), '/bin/tool');
  await build(bench, end);
  expect(bench.digested).toEqual([]);
  expect((await build(bench, end)).last(end)?.isCached).toBeTrue();
  expect((await build(bench, copy(image('empty'), image('other'), '/bin/tool'))).last(end)).toBeUndefined();
  await expectNothingHeld(bench);
});

test('independent steps run at once', async () => {
  let running = 0;
  const all = Promise.withResolvers<void>();
  await using bench = openBench(async ([word = '']) => {
    if (word === 'end') return word;
    running += 1;
    // Each waits for the others: one after the other they would never end.
    if (running === 3) all.resolve();
    await all.promise;
    return word;
  });
  const reads = ['a', 'b', 'c'].map((name) => exec(image(), name));
  await build(bench, exec(image(), 'end', { reads }));
  expect(running).toBe(3);
  await expectNothingHeld(bench);
});

test('two builds that want the same have it done once, and it goes on when one of them leaves', async () => {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  let runs = 0;
  const aborted: string[] = [];
  await using bench = openBench(async (_, step) => {
    runs += 1;
    await step.onLog(1, Buffer.from('early'));
    step.signal.addEventListener('abort', () => aborted.push('aborted'));
    begun.resolve();
    await go.promise;
    return 'made';
  });
  const step = exec(image(), 'slow');
  const one = newBuild();
  const first = bench.solver.solve(at(step), one.context);
  await begun.promise;
  const caughtUp = Promise.withResolvers<void>();
  // It has joined once it is told what came before.
  const two = newBuild({ onProgress: ({ type }) => type === 'log' && caughtUp.resolve() });
  const second = bench.solver.solve(at(step), two.context);
  await caughtUp.promise;
  one.abort();
  expect(kindOf(await first.catch((error: unknown) => error))).toBe('cancelled');
  expect(one.last(step)?.error).toBe('context canceled');
  go.resolve();
  const held = await second;
  expect(held.result).toMatchObject({ kind: 'layers' });
  held.release();
  expect([runs, aborted]).toEqual([1, []]);
  await expectNothingHeld(bench);
});

test('a step that nobody wants any more is ended, and begins anew for who comes later', async () => {
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let runs = 0;
  await using bench = openBench(async (_, step) => {
    begun[runs]?.resolve();
    runs += 1;
    if (runs > 1) return 'made';
    return new Promise<string>((_, reject) => step.signal.addEventListener('abort', () => reject(step.signal.reason)));
  });
  const step = exec(image(), 'slow');
  const one = newBuild();
  const first = bench.solver.solve(at(step), one.context).catch((error: unknown) => error);
  await begun[0]?.promise;
  one.abort();
  expect(messageOf(await first)).toBe('context canceled');
  await build(bench, step);
  expect(runs).toBe(2);
  await expectNothingHeld(bench);
});

test('a failure ends the rest of its build, and names the step', async () => {
  const other = Promise.withResolvers<void>();
  await using bench = openBench(async ([word], step) => {
    if (word === 'bad') {
      await other.promise;
      throw new TypeError('exit code: 1');
    }
    other.resolve();
    return new Promise<string>((_, reject) => step.signal.addEventListener('abort', () => reject(step.signal.reason)));
  });
  const bad = exec(image(), 'bad');
  const slow = exec(image(), 'slow');
  const made = newBuild();
  const error = await bench.solver
    .solve(at(exec(image(), 'end', { reads: [slow, bad] })), made.context)
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ vertex: bad, message: 'exit code: 1' });
  expect(made.last(bad)?.error).toBe('exit code: 1');
  expect(made.last(slow)?.error).toBe('context canceled');
  await expectNothingHeld(bench);
});

test('--no-cache does a step anew once a build, and what stands on another result is done anew too', async () => {
  let runs = 0;
  let name = 'same';
  await using bench = openBench(async ([word = '']) => {
    runs += 1;
    return word + name;
  });
  const graph = (isUncached: boolean): Vertex => exec(exec(image(), 'one', { isUncached }), 'two');
  await build(bench, graph(false));
  expect(runs).toBe(2);
  const same = await build(bench, graph(true), { explains: true });
  expect(runs).toBe(3);
  expect(same.told.find((one) => one.type === 'vertex' && one.cause !== undefined)).toMatchObject({
    name: 'RUN one',
    cause: '--no-cache',
  });
  // Asked for again in the same build it is done already.
  (await bench.solver.solve(at(graph(true)), same.context)).release();
  expect(runs).toBe(3);
  name = 'other';
  const other = await build(bench, graph(true));
  expect(runs).toBe(5);
  expect((await build(bench, graph(false))).result).toEqual(other.result);
  expect(runs).toBe(5);
  await expectNothingHeld(bench);
});

test('two builds that both want a step anew share it, and neither does it once more', async () => {
  const go = Promise.withResolvers<void>();
  let runs = 0;
  await using bench = openBench(async () => {
    runs += 1;
    await go.promise;
    return 'made';
  });
  const step = exec(image(), 'one', { isUncached: true });
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const builds = begun.map(({ resolve }) =>
    newBuild({
      onProgress: (one) => one.type === 'vertex' && one.digest === step.digest && one.startedAt && resolve(),
    }),
  );
  const solved = builds.map(({ context }) => bench.solver.solve(at(step), context));
  await Promise.all(begun.map(({ promise }) => promise));
  go.resolve();
  for (const held of await Promise.all(solved)) held.release();
  for (const { context } of builds) (await bench.solver.solve(at(step), context)).release();
  expect(runs).toBe(1);
  await expectNothingHeld(bench);
});

test('all steps are announced before anything is done, inputs first, with what they are done to', async () => {
  await using bench = openBench();
  const base = image();
  const one = exec(base, 'one');
  const two = exec(one, 'two');
  const { told } = await build(bench, two);
  const announced = told.slice(0, 3).map((progress) => (progress.type === 'vertex' ? progress : undefined));
  expect(announced.map((vertex) => vertex?.digest)).toEqual([base.digest, one.digest, two.digest]);
  expect(announced[2]).toEqual({ type: 'vertex', digest: two.digest, inputs: [one.digest], name: 'RUN two' });
  expect(told.at(-1)).toMatchObject({ digest: two.digest, completedAt: expect.stringMatching(/Z$/) });
});

test('why something is done anew is said in words', async () => {
  await using bench = openBench(async ([word = '']) => word);
  const origin = { fileName: 'Dockerfile', text: 'FROM busybox\nARG VERSION\nRUN one', lines: { first: 3, last: 3 } };
  const causeOf = async (vertex: Vertex): Promise<string | undefined> => {
    const { told } = await build(bench, vertex, { explains: true });
    return told.flatMap((one) => (one.type === 'vertex' && one.name === vertex.name ? (one.cause ?? []) : [])).at(-1);
  };
  const step = (base: string, version: string): Vertex =>
    exec(image(base), 'one', { origin, environment: [`VERSION=${version}`, 'PATH=/bin'] });
  expect(await causeOf(step('busybox', '1'))).toBe('never built before');
  expect(await causeOf(step('busybox', '1'))).toBeUndefined();
  expect(await causeOf(step('busybox', '2'))).toBe('build argument VERSION changed');
  expect(await causeOf(step('other', '2'))).toBe('the base image changed');
  await bench.cache.flush();
  bench.cache.remove(bench.cache.all().map(({ id }) => id));
  expect(await causeOf(step('other', '2'))).toBe('its result was removed from the cache');
  const odd = (value: string): Vertex => exec(image(), 'odd', { origin, environment: [`A(=${value}`] });
  expect(await causeOf(odd('1'))).toBe('never built before');
  expect(await causeOf(odd('2'))).toBe('variable A( changed');
});

test('a cache of another place is asked by key, and what it has is kept', async () => {
  let runs = 0;
  await using bench = openBench(async () => {
    runs += 1;
    return 'made';
  });
  const step = exec(image(), 'one');
  const asked: string[] = [];
  const find = async (key: string) => {
    asked.push(key);
    return { kind: 'layers' as const, chain: bench.layers.make([], 'from elsewhere') };
  };
  const { key, last } = await build(bench, step, { cacheImports: [{ name: 'elsewhere', find }] });
  expect(asked).toEqual([key]);
  expect(last(step)?.isCached).toBeTrue();
  expect((await build(bench, step)).last(step)?.isCached).toBeTrue();
  expect(runs).toBe(0);
  await expectNothingHeld(bench);
});
