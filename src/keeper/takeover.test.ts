import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { demultiplex, isAlive, KeeperBench, readAll, until } from './testing/bench.ts';

// The machine may be busy, and a test that is cut off cleans nothing up.
setDefaultTimeout(60_000);

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
  });

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

  test('keeps terminals, also when the holder of descriptors was killed before', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const replaced = Promise.withResolvers<void>();
    keeper.onReplaced(() => replaced.resolve());
    await keeper.start(bench.container('t', { arguments: ['sh'], terminal: true, openStdin: true }));
    const holder = (): number => JSON.parse(readFileSync(join(bench.execRoot, 'holder.json'), 'utf8')).pid;
    const killed = holder();
    process.kill(-killed, 'SIGKILL');
    await until(() => holder() !== killed);
    process.kill(keeper.pid, 'SIGKILL');
    await replaced.promise;
    const terminal = await keeper.attach({ id: 't', stdin: true, stdout: true, stderr: true, framing: 'raw' });
    terminal.input.write('exit 4\n');
    expect((await bench.exit('t')).exit?.code).toBe(4);
    terminal.close();
  });

  test('accounts for twenty containers that start, log and end meanwhile', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    let replaced = 0;
    keeper.onReplaced(() => replaced++);
    const ids = Array.from({ length: 20 }, (_, index) => `m${index}`);
    const starts = ids.map(async (id, index) => {
      const script = `for i in $(seq 1 200); do echo ${id} $i; done; exit ${index}`;
      await keeper.start(bench.container(id, { arguments: ['sh', '-c', script] }));
    });
    for (let kill = 1; kill <= 3; kill++) {
      await Bun.sleep(Math.random() * 100);
      process.kill(keeper.pid, 'SIGKILL');
      await until(() => replaced === kill);
    }
    const outcomes = await Promise.allSettled(starts);
    for (const [index, id] of ids.entries()) {
      expect(outcomes[index]?.status).toBe('fulfilled');
      // Unknown where it ended, and was reaped, before any keeper had seen it.
      expect([index, undefined]).toContain((await bench.exit(id)).exit?.code);
      const lines = Array.from({ length: 200 }, (_, line) => `${id} ${line + 1}\n`);
      expect(bench.logText(id)).toBe(lines.join(''));
    }
  });

  test('a start under way is finished by the next keeper', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const runtime = bench.runtime('touch "$0.works"; sleep 0.3; exec crun "$@"');
    const start = keeper.start(bench.container('u', { arguments: ['sh', '-c', 'echo hello; exit 8'], runtime }));
    await until(() => existsSync(`${runtime}.works`));
    process.kill(keeper.pid, 'SIGKILL');
    expect((await start).pid).toBeGreaterThan(1);
    expect((await bench.exit('u')).exit?.code).toBe(8);
    expect(bench.logText('u')).toBe('hello\n');
  });

  test('a start that hangs can be killed at the next keeper', async () => {
    await using bench = new KeeperBench();
    const keeper = await bench.connect();
    const runtime = bench.runtime('touch "$0.works"; sleep 1000');
    const start = keeper.start(bench.container('u', { arguments: ['true'], runtime }));
    await until(() => existsSync(`${runtime}.works`));
    process.kill(keeper.pid, 'SIGKILL');
    start.catch(() => undefined);
    await until(async () => (await keeper.list())[0]?.state === 'starting');
    await keeper.signal('u', 9);
    await expect(start).rejects.toMatchObject({ kind: 'unavailable' });
    await until(async () => (await keeper.list()).length === 0);
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
