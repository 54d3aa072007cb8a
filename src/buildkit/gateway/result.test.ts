import { expect, test } from 'bun:test';
import type { FrontendResult } from '#builder';
import { hostPlatform } from '#oci';
import { sourceEdge } from '../testing/fake-builder.ts';
import { frontendResultOf, gatewayResultOf } from './result.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);
const arm = { os: 'linux', architecture: 'arm64', variant: 'v8' };
const amd = { os: 'linux', architecture: 'amd64' };

test('an image goes to a client and comes back', () => {
  const config = bytes('{"architecture":"amd64","os":"linux"}');
  const output = { platform: amd, edge: sourceEdge('a'), config, baseConfig: bytes('{}') };
  const result: FrontendResult = { outputs: [output], isMultiPlatform: false, metadata: new Map([['x', bytes('y')]]) };
  const sent = gatewayResultOf(result);
  expect(text(sent.metadata.get('refs.platforms'))).toBe(
    '{"Platforms":[{"ID":"linux/amd64","Platform":{"architecture":"amd64","os":"linux"}}]}',
  );
  expect(text(sent.metadata.get('containerimage.config'))).toBe(text(config));
  expect(frontendResultOf(sent)).toEqual(result);
});

test('so do several, and empty file systems', () => {
  const outputs = [
    { platform: amd, edge: sourceEdge('a'), config: bytes('1') },
    { platform: arm, config: bytes('2') },
  ];
  const result: FrontendResult = { outputs, isMultiPlatform: true, metadata: new Map() };
  const sent = gatewayResultOf(result);
  expect([...(sent.refs?.keys() ?? [])]).toEqual(['linux/amd64', 'linux/arm64/v8']);
  expect(text(sent.metadata.get('containerimage.config/linux/arm64/v8'))).toBe('2');
  expect(frontendResultOf(sent)).toEqual(result);
});

test('an answer to a question is no image', () => {
  const answer: FrontendResult = {
    outputs: [],
    isMultiPlatform: false,
    metadata: new Map([['result.txt', bytes('text')]]),
  };
  expect(frontendResultOf(gatewayResultOf(answer))).toEqual(answer);
});

test('what clients return of their own is read with care', () => {
  const edge = sourceEdge('a');
  expect(frontendResultOf({ ref: edge, metadata: new Map() }).outputs).toEqual([{ platform: hostPlatform(), edge }]);
  const two = new Map([
    ['one', edge],
    ['two', edge],
  ]);
  expect(() => frontendResultOf({ refs: two, metadata: new Map() })).toThrow('missing platforms mapping');
  const rubbish = new Map([['refs.platforms', bytes('{')]]);
  expect(() => frontendResultOf({ ref: edge, metadata: rubbish })).toThrow('failed to parse platforms');
  const config = new Map([['containerimage.config', bytes('{')]]);
  expect(() => frontendResultOf({ ref: edge, metadata: config })).toThrow('failed to parse the image configuration');
});
