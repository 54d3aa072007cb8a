import { expect, test } from 'bun:test';
import type { BuildUpdate } from './model.ts';
import { PlainDisplay } from './plain.ts';

const update = (part: Partial<BuildUpdate>): BuildUpdate => ({
  vertices: [],
  statuses: [],
  logs: [],
  warnings: [],
  ...part,
});
const vertex = { isCached: false, error: '', cause: '' };

test('steps are printed as they go on, each under its number', () => {
  let printed = '';
  const display = new PlainDisplay((text) => {
    printed += text;
  });
  const at = 1_000_000;
  display.update(
    update({ vertices: ['a', 'b', 'c'].map((digest) => ({ ...vertex, digest, name: `step ${digest}` })) }),
  );
  expect(printed).toBe('');
  display.update(
    update({ vertices: [{ ...vertex, digest: 'a', name: 'step a', startedMs: at, cause: 'file f changed' }] }),
  );
  display.update(update({ logs: [{ vertex: 'a', atMs: at + 250, data: Buffer.from('one\ntw') }] }));
  display.update(
    update({ vertices: [{ ...vertex, digest: 'b', name: 'step b', startedMs: at, completedMs: at, isCached: true }] }),
  );
  display.update(
    update({
      vertices: [{ ...vertex, digest: 'a', name: 'step a', startedMs: at, completedMs: at + 1500 }],
      logs: [{ vertex: 'a', atMs: at + 300, data: Buffer.from('o\n') }],
    }),
  );
  display.update(
    update({
      vertices: [{ ...vertex, digest: 'c', name: 'step c', startedMs: at, completedMs: at + 100, error: 'it broke' }],
      statuses: [{ vertex: 'c', id: 'transferring', current: 2048, total: 0, startedMs: at, completedMs: at + 100 }],
    }),
  );
  display.end();
  expect(printed).toBe(
    [
      '\n#1 step a\n#1 why: file f changed\n#1 0.250 one\n#1 ...\n',
      '\n#2 step b\n#2 CACHED\n',
      '\n#1 step a\n#1 0.300 two\n#1 DONE 1.5s\n',
      '\n#3 step c\n#3 transferring 2.05kB 0.1s done\n#3 ERROR: it broke\n',
    ].join(''),
  );
});

test('what a carriage return overwrites is not printed, and a line without an end is', () => {
  let printed = '';
  const display = new PlainDisplay((text) => {
    printed += text;
  });
  display.update(
    update({
      vertices: [{ ...vertex, digest: 'a', name: 'a', startedMs: 0 }],
      logs: [{ vertex: 'a', atMs: 100, data: Buffer.from('10%\r50%\r100%\r\nlast') }],
    }),
  );
  display.update(update({ vertices: [{ ...vertex, digest: 'a', name: 'a', startedMs: 0, completedMs: 2000 }] }));
  display.end();
  expect(printed).toBe('\n#1 a\n#1 0.100 100%\n#1 2.000 last\n#1 DONE 2.0s\n');
});
