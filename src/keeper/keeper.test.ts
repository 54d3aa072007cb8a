import { describe, expect, test } from 'bun:test';
import { demultiplex, KeeperBench, readAll } from './testing/bench.ts';

describe('keeper', () => {
  test('logs output in order and tells exit codes', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const started = await keeper.start(
      bench.container('a', { arguments: ['sh', '-c', 'for i in 1 2 3; do echo $i; done; echo e >&2; exit 3'] }),
    );
    expect(started.pid).toBeGreaterThan(1);
    expect((await bench.exit('a')).exit?.code).toBe(3);
    expect(bench.logText('a')).toContain('1\n2\n3\n');
    expect(bench.logText('a')).toContain('e\n');
    await keeper.forget('a');
    expect(await keeper.list()).toEqual([]);
  });

  test('an attached client misses nothing, and ends the input of cat', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const stream = await keeper.attach({ id: 'c', stdin: true, stdout: true, stderr: true, framing: 'multiplexed' });
    stream.input.write('early ');
    await keeper.start(bench.container('c', { arguments: ['cat'], openStdin: true, stdinOnce: true }));
    stream.input.end('late\n');
    expect(demultiplex(await readAll(stream.output)).stdout).toBe('early late\n');
    expect((await bench.exit('c')).exit?.code).toBe(0);
    expect(bench.logText('c')).toBe('early late\n');
  });
});
