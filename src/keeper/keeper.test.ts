import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readProcessStat } from '#linux/process';
import { demultiplex, isAlive, KeeperBench, readAll, readLog, until } from './testing/bench.ts';
import { TestDisk } from './testing/disk.ts';

// The machine may be busy, and a test that is cut off cleans nothing up.
setDefaultTimeout(60_000);

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

  test('runs more processes in a container, each with its own streams and exit code', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    await keeper.start(bench.container('main', { arguments: ['sleep', '100'] }));
    const stream = await keeper.attach({ id: 'e', stdin: false, stdout: true, stderr: true, framing: 'multiplexed' });
    await keeper.start(bench.exec('e', 'main', { arguments: ['sh', '-c', 'echo out; echo err >&2; exit 6'] }));
    expect(demultiplex(await readAll(stream.output))).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    expect((await bench.exit('e')).exit?.code).toBe(6);
    await keeper.start(bench.exec('d', 'main', { arguments: ['sh', '-c', 'echo nobody hears this; exit 2'] }));
    expect((await bench.exit('d')).exit?.code).toBe(2);
    await keeper.signal('main', 9);
    expect((await bench.exit('main')).exit?.code).toBe(137);
    await expect(keeper.signal('main', 9)).rejects.toMatchObject({ kind: 'not-found' });
  });

  test('gives a terminal its size, its output and its exit', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const stream = await keeper.attach({ id: 't', stdin: true, stdout: true, stderr: true, framing: 'raw' });
    const script = 'stty size; read x; stty size; exit 5';
    const options = { terminal: true, openStdin: true, rows: 33, columns: 77, arguments: ['sh', '-c', script] };
    await keeper.start(bench.container('t', options));
    // A busy machine lets the shell have its first look late.
    await until(() => existsSync(bench.logPath('t')) && bench.logText('t').includes('33 77'));
    await keeper.resize('t', 20, 50);
    stream.input.write('\n');
    expect((await readAll(stream.output)).toString()).toBe('33 77\r\n\r\n20 50\r\n');
    expect((await bench.exit('t')).exit?.code).toBe(5);
    expect(bench.logText('t')).toBe('33 77\r\n\r\n20 50\r\n');
  });

  test('tells what the runtime says when it cannot start, and leaves nothing', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const stream = await keeper.attach({ id: 'n', stdin: false, stdout: true, stderr: true, framing: 'raw' });
    const request = bench.container('n', { arguments: ['/bin/nothing'] });
    await expect(keeper.start(request)).rejects.toMatchObject({
      kind: 'internal',
      message: expect.stringContaining('nothing'),
    });
    expect(await readAll(stream.output)).toHaveLength(0);
    expect(await keeper.list()).toEqual([]);
    expect(existsSync(join(bench.runtimeRoot, 'n'))).toBe(false);
    expect(readdirSync(join(bench.execRoot, 'tasks'))).toEqual([]);
  });

  test('a runtime that hangs holds up nobody and can be killed', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const hanging = keeper.start(bench.container('h', { arguments: ['true'], runtime: bench.runtime('sleep 1000') }));
    hanging.catch(() => undefined);
    await keeper.start(bench.container('ok', { arguments: ['true'] }));
    expect((await bench.exit('ok')).exit?.code).toBe(0);
    expect((await keeper.list()).find((kept) => kept.id === 'h')?.state).toBe('starting');
    await keeper.signal('h', 9);
    await expect(hanging).rejects.toMatchObject({ kind: 'internal' });
    await until(async () => (await keeper.list()).every((kept) => kept.id !== 'h'));
  });

  test('rotates a log by size and keeps so many files', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const log = { path: bench.logPath('r'), maxSizeBytes: 10_000, maxFiles: 3 };
    await keeper.start(bench.container('r', { arguments: ['seq', '1', '1000'], log }));
    await bench.exit('r');
    const files = [`${log.path}.2`, `${log.path}.1`, log.path];
    for (const path of files) expect(statSync(path).size).toBeLessThanOrEqual(10_000);
    expect(existsSync(`${log.path}.3`)).toBe(false);
    const lines = files.map(readLog).join('').trimEnd().split('\n').map(Number);
    expect(lines.at(-1)).toBe(1000);
    expect(lines.every((line, index) => index === 0 || line === (lines[index - 1] ?? 0) + 1)).toBe(true);
  });

  test('lets unfinished lines through, in however many pieces', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    // sendfile(2) leaves each piece in a page of its own, of which a FIFO has sixteen.
    const script = 'printf é > /tmp/piece; i=0; while [ $i -lt 100 ]; do cat /tmp/piece; i=$((i+1)); done';
    for (const terminal of [false, true]) {
      const id = `p${terminal}`;
      const stream = await keeper.attach({ id, stdin: false, stdout: true, stderr: true, framing: 'raw' });
      await keeper.start(bench.container(id, { arguments: ['sh', '-c', script], terminal }));
      expect((await readAll(stream.output)).toString()).toBe('é'.repeat(100));
      await bench.exit(id);
      expect(bench.logText(id)).toBe('é'.repeat(100));
    }
  });

  test('an ended process is not held up by a stray one that has its output open', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const stream = await keeper.attach({ id: 's', stdin: false, stdout: true, stderr: true, framing: 'raw' });
    const script = 'sleep 3 & echo $!; exit 0';
    await keeper.start(bench.container('s', { arguments: ['sh', '-c', script], hostPids: true }));
    const pid = Number((await readAll(stream.output)).toString());
    expect((await bench.exit('s')).exit?.code).toBe(0);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
    // The keeper is the parent of such orphans, and reaps them.
    await until(() => readProcessStat(pid) === undefined);
  });

  test('a client that does not read slows the process, and gets all of it in the end', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const stream = await keeper.attach({ id: 'slow', stdin: false, stdout: true, stderr: true, framing: 'raw' });
    const count = 1_000_000;
    await keeper.start(bench.container('slow', { arguments: ['seq', '1', String(count)], logged: false }));
    await keeper.start(bench.container('quick', { arguments: ['true'] }));
    await bench.exit('quick');
    expect(bench.exits.has('slow')).toBe(false);
    const lines = (await readAll(stream.output)).toString().trimEnd().split('\n');
    expect(lines).toHaveLength(count);
    expect(lines.at(-1)).toBe(String(count));
    await bench.exit('slow');
  });

  test('tells the next engine what happened while there was none', async () => {
    await using bench = new KeeperBench();
    const first = await bench.connect();
    const script = 'until test -e /tmp/go; do sleep 0.02; done; exit 11';
    await first.start(bench.container('g', { arguments: ['sh', '-c', script] }));
    first.close();
    bench.touch('go');
    await until(() => existsSync(join(bench.execRoot, 'tasks', 'g', 'exit.json')));
    expect(bench.exits.size).toBe(0);
    const second = await bench.connect();
    expect((await bench.exit('g')).exit?.code).toBe(11);
    expect(second.pid).toBe(first.pid);
  });

  test('ends by itself when it has nothing to keep and nobody to serve', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    keeper.close();
    await until(() => !isAlive(keeper.pid), 10_000);
  });
});

describe('a log that cannot be written', () => {
  test('slows its own container and nobody else, and gets every line once it can be', async () => {
    await using bench = new KeeperBench();
    using disk = new TestDisk(bench.directory, 64);
    const keeper = await bench.connect();
    const log = { path: join(disk.path, 'f.log'), maxSizeBytes: -1, maxFiles: 1 };
    const script = 'seq 1 100000; until test -e /tmp/go; do sleep 0.01; done; seq 100001 200000';
    await keeper.start(bench.container('f', { arguments: ['sh', '-c', script], log }));
    await until(() => existsSync(log.path) && /"100000\\n"[^\n]*\n$/.test(readFileSync(log.path, 'utf8')));
    disk.freeze();
    bench.touch('go');
    for (const id of ['a', 'b', 'c']) {
      await keeper.start(bench.container(id, { arguments: ['echo', id] }));
      await bench.exit(id);
      expect(bench.logText(id)).toBe(`${id}\n`);
    }
    expect(bench.exits.has('f')).toBe(false);
    disk.thaw();
    await bench.exit('f');
    const lines = readLog(log.path).trimEnd().split('\n');
    expect(lines).toHaveLength(200_000);
    expect(lines.findIndex((line, index) => line !== String(index + 1))).toBe(-1);
    await keeper.forget('f');
  });

  test('never makes a process wait for it where lines may be lost instead', async () => {
    await using bench = new KeeperBench();
    using disk = new TestDisk(bench.directory, 64);
    const keeper = await bench.connect();
    const log = { path: join(disk.path, 'n.log'), maxSizeBytes: 50_000, maxFiles: 3, bufferBytes: 400_000 };
    const script =
      'until test -e /tmp/go; do sleep 0.01; done; seq 1 200000; until test -e /tmp/end; do echo 0; sleep 0.05; done';
    const stream = await keeper.attach({ id: 'n', stdin: false, stdout: true, stderr: true, framing: 'raw' });
    await keeper.start(bench.container('n', { arguments: ['sh', '-c', script], log }));
    let shown = '';
    stream.output.on('data', (chunk: Buffer) => (shown = shown.slice(-100) + chunk.toString()));
    disk.freeze();
    bench.touch('go');
    // With its disk frozen it comes to its end all the same.
    await until(() => shown.includes('\n200000\n'));
    disk.thaw();
    // Written behind: what comes when the buffer has room again is there.
    await until(() => existsSync(log.path) && readFileSync(log.path, 'utf8').includes('{"log":"0\\n"'));
    bench.touch('end');
    await bench.exit('n');
    const lines = [`${log.path}.2`, `${log.path}.1`, log.path].map(readLog).join('').trimEnd().split('\n');
    expect(lines.at(-1)).toBe('0');
    // In order, whatever is missing.
    const numbers = lines.map(Number).filter((number) => number > 0);
    expect(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0))).toBe(true);
    expect(statSync(log.path).size).toBeLessThanOrEqual(50_000);
    await keeper.forget('n');
  });

  test('waits for room on a full disk', async () => {
    await using bench = new KeeperBench();
    using disk = new TestDisk(bench.directory, 8);
    const keeper = await bench.connect();
    const log = { path: join(disk.path, 'f.log'), maxSizeBytes: -1, maxFiles: 1 };
    const ballast = join(disk.path, 'ballast');
    disk.fill(ballast, 1);
    await keeper.start(bench.container('f', { arguments: ['seq', '1', '40000'], log }));
    await until(() => readFileSync(join(bench.execRoot, 'keeper.log'), 'utf8').includes('cannot write log'));
    rmSync(ballast);
    await bench.exit('f');
    const lines = readLog(log.path).trimEnd().split('\n');
    expect(lines).toHaveLength(40_000);
    expect(lines.findIndex((line, index) => line !== String(index + 1))).toBe(-1);
    await keeper.forget('f');
  });
});
