import { expect, test } from 'bun:test';
import { createTokens } from './tokens.ts';
import type { Transport } from './transport.ts';

test('a registry that is spoken to by HTTPS cannot have a password sent to its token server in plain text', async () => {
  const asked: string[] = [];
  const answer = {
    status: 200,
    statusText: 'OK',
    headers: new Headers(),
    url: '',
    content: async () => Buffer.from('{"token":"t"}'),
    discard: async () => undefined,
    async *body() {},
  };
  const transport: Transport = {
    async send(url) {
      asked.push(url);
      return answer;
    },
  };
  const challenge = { scheme: 'bearer', parameters: new Map([['realm', 'http://tokens.example/t']]) };
  const { signal } = new AbortController();
  const common = { scopes: [], registry: 'https://registry.example', signal };
  for (const credentials of [{ username: 'me', password: 'secret' }, { identitytoken: 'secret' }]) {
    const refused = createTokens(transport).get(challenge, { ...common, credentials, insecure: false });
    await expect(refused).rejects.toThrow('unencrypted');
    expect(asked).toEqual([]);
    const taken = await createTokens(transport).get(challenge, { ...common, credentials, insecure: true });
    expect([taken.bearer, asked.splice(0).length]).toEqual(['t', 1]);
  }
  const anonymous = await createTokens(transport).get(challenge, {
    ...common,
    credentials: undefined,
    insecure: false,
  });
  expect(anonymous.bearer).toBe('t');
});
