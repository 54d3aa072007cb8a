import { expect, test } from 'bun:test';
import { capabilityNames } from '#api';
import { capabilitiesOfMask, defaultCapabilities, resolveCapabilities } from './capabilities.ts';

const available = capabilityNames.filter((name) => name !== 'CAP_SYS_RESOURCE');

function resolve(CapAdd: string[], CapDrop: string[] = [], Privileged = false): string[] {
  return resolveCapabilities({ CapAdd, CapDrop, Privileged }, available);
}

test('defaults, one more, one less', () => {
  expect(resolve([])).toEqual([...defaultCapabilities]);
  expect(resolve(['net_admin'])).toEqual([...defaultCapabilities, 'CAP_NET_ADMIN']);
  expect(resolve(['CAP_CHOWN'])).toEqual([...defaultCapabilities]);
  expect(resolve([], ['chown'])).not.toContain('CAP_CHOWN');
});

test('ALL in both directions', () => {
  expect(resolve(['ALL'])).toEqual(available);
  expect(resolve(['all'], ['SYS_ADMIN'])).toEqual(available.filter((name) => name !== 'CAP_SYS_ADMIN'));
  expect(resolve([], ['ALL'])).toEqual([]);
  expect(resolve(['KILL'], ['ALL'])).toEqual(['CAP_KILL']);
  expect(resolve([], ['ALL'], true)).toEqual(available);
});

test('never more than the engine has', () => {
  expect(() => resolve(['SYS_RESOURCE'])).toThrow(
    'invalid CapAdd: capability not supported by your kernel or not available in the current environment: "CAP_SYS_RESOURCE"',
  );
  expect(() => resolve(['FOO'])).toThrow('invalid CapAdd: unknown capability: "CAP_FOO"');
  expect(() => resolve([], ['FOO'])).toThrow('invalid CapDrop: unknown capability: "CAP_FOO"');
  expect(resolveCapabilities({ CapAdd: null, CapDrop: null, Privileged: false }, ['CAP_CHOWN'])).toEqual(['CAP_CHOWN']);
});

test('masks of the kernel', () => {
  expect(capabilitiesOfMask('00000000a80425fb').toSorted()).toEqual([...defaultCapabilities].toSorted());
  expect(capabilitiesOfMask('0')).toEqual([]);
});
