import { expect, test } from 'bun:test';
import { DetachScanner, parseDetachKeys } from './detach-keys.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function scanAll(keys: string, ...reads: string[]): { passed: string; detached: boolean } {
  const scanner = new DetachScanner(parseDetachKeys(keys));
  let passed = '';
  for (const read of reads) {
    const { pass, detach } = scanner.scan(bytes(read));
    passed += Buffer.from(pass).toString('latin1');
    if (detach) return { passed, detached: true };
  }
  return { passed, detached: false };
}

test('key sequences are read', () => {
  expect([...parseDetachKeys('ctrl-p,ctrl-q')]).toEqual([16, 17]);
  expect([...parseDetachKeys('ctrl-@,a,ctrl-\\')]).toEqual([0, 97, 28]);
  expect(() => parseDetachKeys('foo')).toThrow("invalid detach keys (foo): Unknown character: 'foo'");
});

test('the sequence is found across reads, and nothing else is held back', () => {
  const p = '\u0010';
  const q = '\u0011';
  expect(scanAll('ctrl-p,ctrl-q', `ab${p}${q}cd`)).toEqual({ passed: 'ab', detached: true });
  expect(scanAll('ctrl-p,ctrl-q', `ab${p}`, `${q}`)).toEqual({ passed: 'ab', detached: true });
  expect(scanAll('ctrl-p,ctrl-q', `${p}x`, 'y')).toEqual({ passed: `${p}xy`, detached: false });
  expect(scanAll('ctrl-p,ctrl-q', `${p}${p}${q}`)).toEqual({ passed: p, detached: true });
  expect(scanAll('a', 'xya')).toEqual({ passed: 'xy', detached: true });
});
