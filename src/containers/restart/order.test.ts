import { expect, test } from 'bun:test';
import type { HostConfig } from '#api';
import type { ContainerRecord } from '../record.ts';
import { inOrder } from './order.ts';

function record(name: string, hostConfig: Partial<HostConfig> = {}): ContainerRecord {
  const none = { NetworkMode: 'bridge', PidMode: '', IpcMode: 'private', Links: null, VolumesFrom: null };
  return { id: `id-of-${name}`, name, hostConfig: { ...none, ...hostConfig } } as ContainerRecord;
}

async function orderOf(records: readonly ContainerRecord[]): Promise<string[]> {
  const ended: string[] = [];
  await inOrder(records, async ({ name }) => {
    await Promise.resolve();
    ended.push(name);
  });
  return ended;
}

test('what others need comes first: namespaces, links and volumes', async () => {
  const order = await orderOf([
    record('side', { NetworkMode: 'container:id-of-main' }),
    record('reader', { VolumesFrom: ['side:ro'] }),
    record('linked', { Links: ['/reader:r'] }),
    record('main', { PidMode: 'container:gone' }),
  ]);
  expect(order).toEqual(['main', 'side', 'reader', 'linked']);
});

test('a circle is no deadlock, and a failure holds nothing up', async () => {
  const circle = [record('one', { Links: ['two'] }), record('two', { Links: ['one'] })];
  expect((await orderOf(circle)).toSorted()).toEqual(['one', 'two']);
  const ended: string[] = [];
  const failing = inOrder([record('base'), record('top', { Links: ['base'] })], async ({ name }) => {
    ended.push(name);
    if (name === 'base') throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  await Promise.resolve();
  expect(ended).toEqual(['base', 'top']);
});
