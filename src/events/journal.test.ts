import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventMessage, Filters } from '#api';
import { openRecords } from '#store';
import { openEvents } from './journal.ts';

function inRoot<T>(body: (path: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'estiba-events-'));
  const end = (): void => rmSync(root, { recursive: true });
  try {
    const result = body(join(root, 'records.db'));
    if (result instanceof Promise) return result.finally(end) as T;
    end();
    return result;
  } catch (error) {
    end();
    throw error;
  }
}

const none: Filters = new Map();

async function take(source: AsyncIterable<EventMessage>, count: number): Promise<string[]> {
  const actions: string[] = [];
  for await (const event of source) {
    actions.push(event.Action);
    if (actions.length === count) break;
  }
  return actions;
}

function draft(action: string, attributes: Record<string, string> = {}) {
  return { type: 'container', action, id: 'abc', attributes } as const;
}

test('events outlive the journal that wrote them, and go on live without a gap', () =>
  inRoot(async (path) => {
    using before = openRecords(path);
    openEvents(before).publish(draft('create'));
    using after = openRecords(path);
    const events = openEvents(after);
    events.publish(draft('start'));
    const stream = events.stream({ sinceNs: 0n, filters: none, signal: new AbortController().signal });
    const iterator = stream[Symbol.asyncIterator]();
    expect((await iterator.next()).value?.Action).toBe('create');
    events.publish(draft('die'));
    expect((await iterator.next()).value?.Action).toBe('start');
    expect((await iterator.next()).value?.Action).toBe('die');
    const live = iterator.next();
    events.publish(draft('destroy'));
    expect((await live).value?.Action).toBe('destroy');
    await iterator.return?.(undefined);
  }));

test('until in the past ends the stream; filters narrow it', () =>
  inRoot(async (path) => {
    using records = openRecords(path);
    const events = openEvents(records);
    events.publish(draft('create', { image: 'busybox:latest', team: 'a' }));
    events.publish(draft('start', { image: 'debian' }));
    const signal = new AbortController().signal;
    const untilNs = BigInt(Date.now() + 1) * 1_000_000n;
    while (BigInt(Date.now()) * 1_000_000n <= untilNs);
    const ask = (filters: Filters) => take(events.stream({ sinceNs: 1n, untilNs, filters, signal }), 9);
    expect(await ask(none)).toEqual(['create', 'start']);
    expect(await ask(new Map([['image', ['busybox']]]))).toEqual(['create']);
    expect(await ask(new Map([['label', ['team=a']]]))).toEqual(['create']);
    expect(await ask(new Map([['event', ['start', 'die']]]))).toEqual(['start']);
    expect(await ask(new Map([['container', ['xyz']]]))).toEqual([]);
    expect(await ask(new Map([['colour', ['red']]]))).toEqual(['create', 'start']);
  }));

test('an aborted stream ends', () =>
  inRoot(async (path) => {
    using records = openRecords(path);
    const controller = new AbortController();
    const done = take(openEvents(records).stream({ filters: none, signal: controller.signal }), 1);
    controller.abort();
    expect(await done).toEqual([]);
  }));
