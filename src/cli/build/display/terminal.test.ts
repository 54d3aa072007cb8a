import { expect, test } from 'bun:test';
import type { BuildUpdate } from './model.ts';
import { TerminalDisplay } from './terminal.ts';

const nothing: BuildUpdate = { vertices: [], statuses: [], logs: [], warnings: [] };
const vertex = { isCached: false, error: '', cause: '' };

test('what is done stays, in the width of the terminal, and a step cannot move the cursor', () => {
  let printed = '';
  const display = new TerminalDisplay(
    'Building x',
    () => ({ columns: 30, rows: 10 }),
    (text) => {
      printed += text;
    },
  );
  display.update({
    ...nothing,
    vertices: [
      {
        ...vertex,
        digest: 'a',
        name: `[1/2] RUN ${'x'.repeat(60)}`,
        startedMs: 1000,
        completedMs: 3500,
        cause: 'f changed',
      },
      { ...vertex, digest: 'b', name: 'RUN \u001b[2Jevil', startedMs: 1000, completedMs: 1000, isCached: true },
      { ...vertex, digest: 'c', name: 'fails', startedMs: 1000, completedMs: 2000, error: 'no' },
    ],
  });
  display.end();
  expect(printed).not.toContain('\u001b[2J');
  const lines = Bun.stripANSI(printed)
    .split('\n')
    .map((line) => line.replace('\r', ''));
  expect(lines).toEqual([
    expect.stringMatching(/^ ✓ \[1\/2\] RUN x+… 2\.5s$/),
    '   why: f changed',
    expect.stringMatching(/^ = RUN evil +cached$/),
    expect.stringMatching(/^ ✗ fails +1\.0s$/),
    '',
  ]);
  for (const line of lines) expect([...line].length).toBeLessThanOrEqual(30);
});
