import { expect, setDefaultTimeout, test } from 'bun:test';
import { demultiplex, isAlive, KeeperBench, readAll, until } from './testing/bench.ts';

// The machine may be busy, and a test that is cut off cleans nothing up.
setDefaultTimeout(60_000);

const lineCount = 150_000;

function expectEveryLine(text: string): void {
  const lines = text.trimEnd().split('\n');
  expect(lines.findIndex((line, index) => line !== String(index + 1))).toBe(-1);
  expect(lines).toHaveLength(lineCount);
}

test('a keeper of another edition becomes ours in place: no line, exit code, terminal or input is lost', async () => {
  await using bench = new KeeperBench();
  const old = await bench.connect('another');
  const { pid } = old;
  await old.start(bench.container('writer', { arguments: ['sh', '-c', `seq 1 ${lineCount}; exit 7`] }));
  await old.start(bench.container('terminal', { arguments: ['sh'], terminal: true, openStdin: true }));
  await old.start(bench.container('input', { arguments: ['sh', '-c', 'read x; exit 9'], openStdin: true }));
  old.close();

  const keeper = await bench.connect('this');
  expect(keeper.pid).toBe(pid);
  // The same process, and so still their parent: nobody else could tell these codes on a kernel before 6.15.
  expect((await bench.exit('writer', 30_000)).exit?.code).toBe(7);
  expectEveryLine(bench.logText('writer'));
  const terminal = await keeper.attach({ id: 'terminal', stdin: true, stdout: true, stderr: true, framing: 'raw' });
  terminal.input.write('exit 4\n');
  await readAll(terminal.output);
  expect((await bench.exit('terminal')).exit?.code).toBe(4);
  const input = await keeper.attach({ id: 'input', stdin: true, stdout: false, stderr: false, framing: 'raw' });
  input.input.write('on\n');
  expect((await bench.exit('input')).exit?.code).toBe(9);
  await keeper.start(bench.container('new', { arguments: ['sh', '-c', 'exit 5'] }));
  expect((await bench.exit('new')).exit?.code).toBe(5);

  // It is ours now: another engine of this edition leaves it as it is.
  keeper.close();
  const again = await bench.connect('this');
  expect(again.pid).toBe(pid);
  expect((await again.list()).map(({ id }) => id).toSorted()).toEqual(['input', 'new', 'terminal', 'writer']);
});

test('a renewal that fails is a death, and that costs nothing either', async () => {
  await using bench = new KeeperBench();
  const old = await bench.connect('another');
  const { pid } = old;
  await old.start(bench.container('writer', { arguments: ['sh', '-c', `seq 1 ${lineCount}; exec sleep 600`] }));
  await old.start(bench.container('input', { arguments: ['cat'], openStdin: true, stdinOnce: true }));
  old.close();
  // Ends when it is what the old keeper became, and is a keeper when it was started as one.
  const command = ['sh', '-c', 'test -z "$ESTIBA_KEEPER_LOCK" && exec "$@"', 'sh', ...bench.commandOf('this')];
  const keeper = await bench.connectBy(command, 'this');
  expect(keeper.pid).not.toBe(pid);
  await until(() => !isAlive(pid));
  const input = await keeper.attach({ id: 'input', stdin: true, stdout: true, stderr: true, framing: 'multiplexed' });
  input.input.end('through\n');
  expect(demultiplex(await readAll(input.output)).stdout).toBe('through\n');
  expect((await bench.exit('input')).exit?.code).toBe(0);
  await until(() => bench.logText('writer').endsWith(`${lineCount}\n`), 30_000);
  expectEveryLine(bench.logText('writer'));
  await keeper.signal('writer', 9);
  expect((await bench.exit('writer')).exit).toMatchObject({ code: 137, signal: 9 });
});
