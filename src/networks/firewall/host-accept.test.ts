import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const rules = ['oifname', 'iifname'].map(
  (direction) => `${direction} "estiba0" counter accept comment "estiba estiba0"`,
);

test.each(['ip filter FORWARD', 'ip filter DOCKER-USER', 'inet firewalld filter_FORWARD'])(
  'bridges pass a host filter that drops, by rules in %s',
  async (place) => {
    const directory = mkdtempSync(join(tmpdir(), 'host-filter-'));
    try {
      const script = join(import.meta.dir, '../testing/host-filter.ts');
      const child = Bun.spawn(['unshare', '--net', process.execPath, script, directory, place], { stderr: 'inherit' });
      const output = await child.stdout.text();
      // Those of the dead are gone; made once, not doubled by a second start, restored when somebody has flushed the chain, gone at the end.
      expect(JSON.parse(output)).toEqual([rules, rules, rules, []]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
