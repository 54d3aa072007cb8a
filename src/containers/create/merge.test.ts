import { expect, test } from 'bun:test';
import { mergeConfig } from './merge.ts';

const image = {
  Env: ['PATH=/bin', 'A=1'],
  Cmd: ['serve'],
  Entrypoint: ['/entry'],
  Labels: { from: 'image' },
  User: 'www',
};

test('the image fills what the request leaves open, and the request wins name by name', () => {
  const merged = mergeConfig({ Env: ['A=2', 'B=3'], Labels: { own: 'yes' } }, image);
  expect(merged.Env).toEqual(['PATH=/bin', 'A=2', 'B=3']);
  expect(merged.Labels).toEqual({ from: 'image', own: 'yes' });
  expect(merged.User).toBe('www');
  expect([merged.Entrypoint, merged.Cmd]).toEqual([['/entry'], ['serve']]);
});

test('a command keeps the entrypoint; an entrypoint drops the command; an empty one drops both', () => {
  const pair = (request: object) => {
    const { Entrypoint, Cmd } = mergeConfig(request, image);
    return [Entrypoint, Cmd];
  };
  expect(pair({ Cmd: ['x'] })).toEqual([['/entry'], ['x']]);
  expect(pair({ Entrypoint: ['/own'] })).toEqual([['/own'], null]);
  expect(pair({ Entrypoint: [''] })).toEqual([null, null]);
  expect(pair({ Entrypoint: [''], Cmd: ['x'] })).toEqual([null, ['x']]);
});

test('a health check takes over what it does not set', () => {
  const withCheck = { Healthcheck: { Test: ['CMD', 'ok'], Interval: 5, Retries: 2 } };
  expect(mergeConfig({ Healthcheck: { Interval: 9 } }, withCheck).Healthcheck).toEqual({
    Test: ['CMD', 'ok'],
    Interval: 9,
    Retries: 2,
  });
});
