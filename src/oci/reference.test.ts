import { expect, test } from 'bun:test';
import {
  familiarName,
  familiarReference,
  formatReference,
  isTag,
  parseReference,
  withDefaultTag,
} from './reference.ts';

const hex = 'a'.repeat(64);

test.each([
  ['busybox', 'docker.io/library/busybox', 'busybox'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
  ['library/busybox', 'docker.io/library/busybox', 'busybox'],
  ['docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
  ['index.docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
  ['user/name:tag', 'docker.io/user/name:tag', 'user/name:tag'],
  ['docker.io/library/a/b', 'docker.io/library/a/b', 'library/a/b'],
  ['localhost/x', 'localhost/x', 'localhost/x'],
  ['localhost:5000/x:y', 'localhost:5000/x:y', 'localhost:5000/x:y'],
  ['Host/x', 'Host/x', 'Host/x'],
  ['[::1]:5000/x', '[::1]:5000/x', '[::1]:5000/x'],
  ['a.b/c__d/e-f.g_h', 'a.b/c__d/e-f.g_h', 'a.b/c__d/e-f.g_h'],
  [`x@sha256:${hex}`, `docker.io/library/x@sha256:${hex}`, `x@sha256:${hex}`],
  [`x:t@sha256:${hex}`, `docker.io/library/x:t@sha256:${hex}`, `x:t@sha256:${hex}`],
])('%s is %s, and shown as %s', (text, full, familiar) => {
  const reference = parseReference(text);
  expect(formatReference(reference)).toBe(full);
  expect(familiarReference(reference)).toBe(familiar);
});

test.each([
  ['', 'invalid reference format'],
  ['a..b', 'invalid reference format'],
  ['-x', 'invalid reference format'],
  ['x:y:z', 'invalid reference format'],
  ['x:', 'invalid reference format'],
  ['x@sha256:abc', 'invalid reference format'],
  ['x y', 'invalid reference format'],
  ['x\n', 'invalid reference format'],
  ['Busybox', 'invalid reference format: repository name (library/Busybox) must be lowercase'],
  [hex, `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
  [`a/${'b'.repeat(250)}`, 'repository name must not be more than 255 characters'],
])('%j is refused', (text, message) => {
  expect(() => parseReference(text)).toThrow(message);
});

test('latest is the tag of what has neither tag nor digest', () => {
  expect(withDefaultTag(parseReference('x')).tag).toBe('latest');
  expect(withDefaultTag(parseReference('x:1')).tag).toBe('1');
  expect(withDefaultTag(parseReference(`x@sha256:${hex}`)).tag).toBeUndefined();
  expect(familiarName('docker.io/library/x')).toBe('x');
});

test('tags', () => {
  expect(isTag('v1.2_3-x')).toBe(true);
  for (const bad of ['', '.x', '-x', 'a b', 'x'.repeat(129)]) expect(isTag(bad)).toBe(false);
});
