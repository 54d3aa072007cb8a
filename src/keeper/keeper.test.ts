import { describe, expect, test } from 'bun:test';
import { readProcessStat } from '#linux/process';
import { demultiplex, KeeperBench, readAll, until } from './testing/bench.ts';

function isAlive(pid: number): boolean {
  const state = readProcessStat(pid)?.state;
  return state !== undefined && state !== 'Z';
}

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

describe('a killed keeper', () => {
  test('costs no line of a fast writer, and doubles none', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    let replaced = 0;
    keeper.onReplaced(() => replaced++);
    const count = 400_000;
    await keeper.start(bench.container('w', { arguments: ['sh', '-c', `seq 1 ${count}; echo end >&2; exit 7`] }));
    for (let kill = 1; kill <= 6 && !bench.exits.has('w'); kill++) {
      await Bun.sleep(Math.random() * 30);
      process.kill(keeper.pid, 'SIGKILL');
      await until(() => replaced === kill);
    }
    const kept = await bench.exit('w', 30_000);
    expect(kept.exit?.code).toBe(7);
    const lines = bench.logText('w').trimEnd().split('\n');
    expect(lines.filter((line) => line === 'end')).toHaveLength(1);
    const numbers = lines.filter((line) => line !== 'end');
    expect(numbers.findIndex((line, index) => line !== String(index + 1))).toBe(-1);
    expect(numbers).toHaveLength(count);
  }, 60_000);

  test('costs an interactive container neither its terminal nor its input', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const replaced = Promise.withResolvers<void>();
    keeper.onReplaced(() => replaced.resolve());
    await keeper.start(bench.container('t', { arguments: ['sh'], terminal: true, openStdin: true }));
    await keeper.start(bench.container('i', { arguments: ['cat'], openStdin: true, stdinOnce: true }));
    process.kill(keeper.pid, 'SIGKILL');
    await replaced.promise;
    const terminal = await keeper.attach({ id: 't', stdin: true, stdout: true, stderr: true, framing: 'raw' });
    terminal.input.write('echo alive\nexit 4\n');
    expect((await readAll(terminal.output)).toString()).toContain('\nalive\r\n');
    expect((await bench.exit('t')).exit?.code).toBe(4);
    const pipe = await keeper.attach({ id: 'i', stdin: true, stdout: true, stderr: true, framing: 'multiplexed' });
    pipe.input.end('through\n');
    expect(demultiplex(await readAll(pipe.output)).stdout).toBe('through\n');
    expect((await bench.exit('i')).exit?.code).toBe(0);
  });

  test('an exit in the gap keeps its code and its last lines', async () => {
    await using bench = new KeeperBench();
    const first = await bench.connect();
    const args = ['sh', '-c', 'until test -e /tmp/go; do sleep 0.02; done; echo last words; exit 9'];
    await first.start(bench.container('g', { arguments: args }));
    const pid = (await first.list())[0]?.pid ?? 0;
    first.close();
    process.kill(first.pid, 'SIGKILL');
    bench.touch('go');
    await until(() => !isAlive(pid));
    const second = await bench.connect();
    expect((await bench.exit('g')).exit?.code).toBe(9);
    expect(bench.logText('g')).toBe('last words\n');
    expect(second.pid).not.toBe(first.pid);
  });
});
