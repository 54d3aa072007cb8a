import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail } from '#std/errors';
import { openRecords } from '#store';
import { openBuilds } from './builds.ts';

test('what kept the doors from opening once does not keep them closed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-builds-'));
  const records = openRecords(join(directory, 'records.db'));
  let isFull = true;
  const builds = openBuilds({
    get records() {
      if (isFull) throw fail('internal', 'database or disk is full');
      return records;
    },
    networks: { inspect: () => Promise.reject(fail('not-found', 'no network')) } as never,
    id: 'engine',
    hostGateway: () => undefined,
    builder: () => Promise.reject(fail('internal', 'nobody builds here')),
    gcPolicy: () => [],
  });
  try {
    await expect(builds.doors.cancelBuild('none')).rejects.toThrow('disk is full');
    await builds.close();
    isFull = false;
    expect(await builds.doors.cancelBuild('none')).toBeUndefined();
  } finally {
    await builds.close();
    records[Symbol.dispose]();
    rmSync(directory, { recursive: true });
  }
});
