import { expect, test } from 'bun:test';
import { registryAuth } from './registry-auth.ts';

function decode(header: string | undefined) {
  return registryAuth({ headers: new Map(header === undefined ? [] : [['x-registry-auth', header]]) });
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('credentials come in a header, and what cannot be read is none', () => {
  const credentials = { username: 'jane>>>???', password: 'ünsafe~~', serveraddress: 'registry.example' };
  expect(decode(encode(credentials))).toEqual(credentials);
  // With padding, and in the other alphabet.
  expect(decode(Buffer.from(JSON.stringify(credentials)).toString('base64'))).toEqual(credentials);
  expect(decode(encode({ IdentityToken: 't', username: '', extra: 1 }))).toEqual({ identitytoken: 't' });
  for (const header of [undefined, '', 'e30=', 'garbage!', encode([1]), encode('text'), encode({ username: 1 })]) {
    expect(decode(header)).toEqual({});
  }
});
