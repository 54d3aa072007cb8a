import { expect, test } from 'bun:test';
import { attestationsOf } from './attestations.ts';

test('attestations that somebody asks for are named; those that clients ask for by themselves are not', () => {
  const options = new Map([
    ['attest:provenance', 'mode=min,inline-only=true'],
    ['attest:sbom', ''],
    ['attest:other', 'disabled=true'],
    ['build-arg:attest:x', ''],
  ]);
  expect(attestationsOf(options)).toEqual(['sbom']);
  expect(attestationsOf(new Map([['attest:provenance', 'mode=max']]))).toEqual(['provenance']);
});
