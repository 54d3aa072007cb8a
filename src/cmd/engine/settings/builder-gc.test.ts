import { expect, test } from 'bun:test';
import { builderGc } from './builder-gc.ts';

test("builder.gc is read as Docker's daemon.json has it", () => {
  expect(builderGc('builder', {})).toEqual({ isEnabled: true });
  expect(builderGc('builder', { gc: { enabled: false } })).toEqual({ isEnabled: false });
  expect(builderGc('builder', { gc: { enabled: true, defaultKeepStorage: '20GB' } })).toEqual({
    isEnabled: true,
    limits: { reservedSpaceBytes: 20 * 2 ** 30, maxUsedSpaceBytes: 0, minFreeSpaceBytes: 0 },
  });
  const policy = [
    { keepStorage: '512MB', filter: ['unused-for=48h', 'type==source.local'] },
    { all: true, reservedSpace: '1g', maxUsedSpace: '2g', minFreeSpace: '3g', keepDuration: '1h' },
    { filter: { id: { abc: true } } },
  ];
  const nothing = { reservedSpaceBytes: 0, maxUsedSpaceBytes: 0, minFreeSpaceBytes: 0 };
  expect(builderGc('builder', { gc: { policy } }).rules).toEqual([
    {
      ...nothing,
      all: false,
      filters: new Map([
        ['unused-for', ['48h']],
        ['type', ['source.local']],
      ]),
      reservedSpaceBytes: 512 * 2 ** 20,
    },
    {
      all: true,
      filters: new Map(),
      reservedSpaceBytes: 2 ** 30,
      maxUsedSpaceBytes: 2 ** 31,
      minFreeSpaceBytes: 3 * 2 ** 30,
      keepDurationMs: 3_600_000,
    },
    { ...nothing, all: false, filters: new Map([['id', ['abc']]]) },
  ]);
});

test('what builder.gc cannot be is refused by its place', () => {
  const refused = (gc: unknown, message: string): void => {
    expect(() => builderGc('builder', { gc })).toThrow(message);
  };
  expect(() => builderGc('builder', { entitlements: {} })).toThrow('builder.entitlements: not supported: there are gc');
  refused([], 'builder.gc: an object is needed');
  refused({ size: '1g' }, 'builder.gc.size: not supported');
  refused({ enabled: 'yes' }, 'builder.gc.enabled: true or false is needed');
  refused({ defaultKeepStorage: 5 }, 'builder.gc.defaultKeepStorage: a size ("20GB") is needed');
  refused({ defaultKeepStorage: 'much' }, "invalid size: 'much'");
  refused({ policy: {} }, 'builder.gc.policy: a list of rules is needed');
  refused({ policy: [{ filter: ['nosuch=1'] }] }, "builder.gc.policy[0].filter: invalid filter 'nosuch'");
  refused({ policy: [{ keepDuration: 'long' }] }, 'builder.gc.policy[0].keepDuration: a duration is needed');
});
