import { expect, test } from 'bun:test';
import { Query } from '../query.ts';
import { onePlatformOf, platformOf, removedPlatformOf } from './platform.ts';

const call = (version: number, ...values: string[]) => {
  const words = values.flatMap((value) =>
    ['platform', 'platforms'].map((key) => `${key}=${encodeURIComponent(value)}`),
  );
  return { version, query: new Query(words.join('&')) };
};
const here = '{"os":"linux","architecture":"amd64"}';

test('a platform as JSON: Docker’s words for what is none, and nothing for clients from before it', () => {
  expect(platformOf(call(48, here), 48)).toEqual({ os: 'linux', architecture: 'amd64' });
  const whole = '{"OS":"windows","architecture":"arm64","variant":"v8","os.version":"10","more":1}';
  const read = { os: 'windows', architecture: 'arm64', variant: 'v8', osVersion: '10' };
  expect(removedPlatformOf(call(50, whole))).toEqual(read);
  for (const old of [platformOf(call(47, 'x'), 48), onePlatformOf(call(47, 'x', 'y'), 48), platformOf(call(51), 48)]) {
    expect(old).toBeUndefined();
  }
  expect(removedPlatformOf(call(49, 'x'))).toBeUndefined();
  const refused: readonly [read: () => unknown, message: string][] = [
    [() => platformOf(call(51, 'linux/amd64'), 48), "failed to parse platform: invalid character 'l' looking for"],
    [() => platformOf(call(51, '{"os":"linux"}'), 48), 'both OS and Architecture must be provided'],
    [() => platformOf(call(51, 'null'), 48), 'both OS and Architecture must be provided'],
    [
      () => platformOf(call(51, '{"os":"linux","architecture":5}'), 48),
      'failed to parse platform: json: cannot unmarshal number into Go struct field Platform.architecture of type string',
    ],
    [() => onePlatformOf(call(51, here, ''), 48), 'multiple platform parameters not supported'],
    [() => removedPlatformOf(call(51, here, here)), 'multiple platforms are not supported'],
    [() => removedPlatformOf(call(51, here, 'x')), 'failed to parse platform'],
  ];
  for (const [attempt, message] of refused) expect(attempt).toThrow(message);
});
