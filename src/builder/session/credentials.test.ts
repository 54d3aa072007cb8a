import { expect, test } from 'bun:test';
import { ClassicSession } from '../classic/session.ts';
import { credentialsOf } from './credentials.ts';

test('Docker Hub is asked for by its own name, which a classic client knows by its address', async () => {
  const asked: string[] = [];
  const stranger = {
    credentials: async (host: string) => {
      asked.push(host);
      return undefined;
    },
  };
  const known = { username: 'u', password: 'p' };
  const registries = new Map([['https://index.docker.io/v1/', known]]);
  const classic = new ClassicSession(undefined, registries, 'Dockerfile', new AbortController().signal);
  expect(await credentialsOf({ sessions: [stranger, classic] }, 'docker.io/library/busybox')).toEqual(known);
  expect(await credentialsOf({ sessions: [stranger, classic] }, 'quay.io/x/y')).toBeUndefined();
  expect(asked).toEqual(['docker.io', 'quay.io']);
});
