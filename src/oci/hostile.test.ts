import { expect, test } from 'bun:test';
import { parseImageConfig } from './image-config.ts';
import { parseIndex, parseManifest } from './manifest.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const rootfs = { type: 'layers', diff_ids: [digest] };

test('an image whose fields have other types than they must is refused: one of them would break every list', () => {
  const field = (name: string, value: unknown) => bytes({ rootfs, config: { [name]: value } });
  const where = 'into Go struct field Image.config';
  for (const [content, words] of [
    [field('Env', 'A=b'), `json: cannot unmarshal string ${where}.Env of type []string`],
    [field('Env', [1]), `json: cannot unmarshal number ${where}.Env.0 of type string`],
    [field('Labels', { a: 1 }), `json: cannot unmarshal number ${where}.Labels.a of type string`],
    [field('Labels', ['a']), `json: cannot unmarshal array ${where}.Labels of type map[string]string`],
    [field('Cmd', [{}]), `json: cannot unmarshal object ${where}.Cmd.0 of type string`],
    [field('Entrypoint', 5), `json: cannot unmarshal number ${where}.Entrypoint of type strslice.StrSlice`],
    [field('Healthcheck', { Test: 'x' }), `json: cannot unmarshal string ${where}.Healthcheck.Test of type []string`],
    [field('WorkingDir', {}), `json: cannot unmarshal object ${where}.WorkingDir of type string`],
    [bytes({ rootfs, config: [] }), 'json: cannot unmarshal array into Go struct field Image.config of type'],
    [bytes({ rootfs, history: [{ created: 5 }] }), 'field Image.history.0.created of type time.Time'],
    [bytes({ rootfs, created: 'garbage' }), 'parsing time "garbage" as'],
    [bytes({ rootfs, created: '99999-01-01T00:00:00Z' }), 'parsing time "99999-01-01T00:00:00Z" as'],
    [bytes({ rootfs: { type: 'layers', diff_ids: [[digest]] } }), 'no RootFS key'],
  ] as const) {
    expect(() => parseImageConfig(content)).toThrow(words);
  }
});

test('nulls are as if they were not there, and a command may be one text', () => {
  const config = { Env: null, Labels: null, Cmd: 'top', Entrypoint: null, Volumes: { '/a': {} }, Unknown: 5 };
  const file = parseImageConfig(bytes({ rootfs, config, history: null, created: '2024-05-06T07:08:09.123456789Z' }));
  expect(file).toMatchObject({ config: { ...config, Cmd: ['top'] }, history: [] });
});

test('a descriptor has a digest that is a text, and a size that is one', () => {
  const good = { mediaType: 'a/b', digest, size: 1 };
  expect(parseManifest(bytes({ config: good, layers: [good] }))).toMatchObject({ layers: [good] });
  for (const bad of [
    { digest: [digest] },
    { size: -1 },
    { size: 'x' },
    { size: 1e300 },
    { urls: 'x' },
    { platform: [] },
  ]) {
    const wrong = { ...good, ...bad };
    expect(() => parseManifest(bytes({ config: good, layers: [wrong] }))).toThrow('bad descriptor');
    expect(() => parseIndex(bytes({ manifests: [wrong] }))).toThrow('bad descriptor');
  }
});
