import { expect, test } from 'bun:test';
import { hostPlatform, isSamePlatform, parsePlatform, printPlatform, rankOnPlatform, runsOn } from './platform.ts';

test('platforms are read as containerd reads them', () => {
  const here = hostPlatform().architecture;
  const read: readonly [text: string, printed: string][] = [
    ['linux', `linux/${here}`],
    ['Linux/AMD64', 'linux/amd64'],
    ['macos', `darwin/${here}`],
    ['aarch64', 'linux/arm64'],
    ['linux/x86_64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/arm64/8', 'linux/arm64/v8'],
    ['linux/arm64', 'linux/arm64'],
    ['armhf', 'linux/arm'],
    ['linux/arm/v7', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['armel', 'linux/arm/v6'],
    ['linux/i386/v1', 'linux/386'],
    ['windows(10.0)/amd64', 'windows(10.0)/amd64'],
    ['linux/foo', 'linux/foo'],
  ];
  for (const [text, printed] of read) expect([text, printPlatform(parsePlatform(text))]).toEqual([text, printed]);
});

test('what is no platform is refused in its words', () => {
  const refused: readonly [text: string, message: string][] = [
    ['foo', '"foo": unknown operating system or architecture: invalid argument'],
    ['a/b/c/d', '"a/b/c/d": cannot parse platform specifier: invalid argument'],
    [
      'linux/',
      '"" is an invalid component of "linux/": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
    ],
    [
      '/amd64',
      String.raw`"" is an invalid OS component of "/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.%-]*)((?:\\+[A-Za-z0-9_.%-]+)*)\\))?$": invalid argument`,
    ],
  ];
  for (const [text, message] of refused) expect(() => parsePlatform(text)).toThrow(message);
});

test('what runs where, and what is the same', () => {
  const amd64 = parsePlatform('linux/amd64');
  expect(isSamePlatform(parsePlatform('linux/x86_64'), { os: 'linux', architecture: 'amd64', variant: 'v1' })).toBe(
    true,
  );
  expect(isSamePlatform(amd64, parsePlatform('linux/amd64/v2'))).toBe(false);
  expect(runsOn(amd64, parsePlatform('linux/amd64/v3'))).toBe(true);
  expect(runsOn(parsePlatform('linux/amd64/v3'), amd64)).toBe(false);
  expect(runsOn(parsePlatform('linux/386'), amd64)).toBe(true);
  expect(runsOn(parsePlatform('linux/arm/v6'), parsePlatform('linux/arm64'))).toBe(true);
  expect(runsOn(parsePlatform('windows/amd64'), amd64)).toBe(false);
  const ranks = ['linux/arm/v8', 'linux/arm/v7', 'linux/arm/v5'].map((text) =>
    rankOnPlatform(parsePlatform(text), parsePlatform('linux/arm')),
  );
  expect(ranks).toEqual([undefined, 0, 2]);
});
