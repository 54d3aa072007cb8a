import type { EventMessage } from '#api';
import { log } from '#std/log';
import { nowNs } from '#std/time';
import type { Records } from '#store';
import { eventFilter } from './filters.ts';
import type { EventDraft, EventJournal, Events } from './types.ts';

/** How many events are kept; the oldest go first. */
const keptEvents = 100_000;
/** Pruning costs a scan, so it is done once in so many events. */
const pruneEvery = 1_000;
/** How many past events one read takes from the database. */
const pageSize = 500;
/** A microsecond, the grain of our clock: a double holds such a time so that its decimal digits are exact. */
const clockStepNs = 1_000n;

type StreamOptions = Parameters<Events['stream']>[0];

function messageOf({ type, action, id, attributes }: EventDraft, timeNs: bigint): EventMessage {
  const legacy: Partial<EventMessage> = {};
  const named = { status: action, ...(id !== '' && { id }) };
  if (type === 'container') {
    Object.assign(legacy, named);
    if (attributes.image !== undefined) legacy.from = attributes.image;
  } else if (type === 'image') {
    Object.assign(legacy, named);
  }
  return {
    ...legacy,
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: { ...attributes } },
    scope: 'local',
    time: Number(timeNs / 1_000_000_000n),
    // Clients read this as a 64-bit integer.
    timeNano: Number(timeNs),
  };
}

/** Opens the event journal: a table in the records' database, so that an event and the change it tells of are one write. */
export function openEvents(records: Pick<Records, 'database'>): EventJournal {
  const { database } = records;
  database.exec(
    'CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, body TEXT NOT NULL)',
  );
  database.exec('CREATE INDEX IF NOT EXISTS events_by_time ON events (time_ns)');
  const insert = database.prepare('INSERT INTO events (seq, time_ns, body) VALUES (?1, ?2, ?3)');
  const prune = database.prepare('DELETE FROM events WHERE seq <= ?1');
  const page = database.query<{ seq: number; body: string }, [number, bigint, number]>(
    'SELECT seq, body FROM events WHERE seq > ?1 AND time_ns >= ?2 ORDER BY seq LIMIT ?3',
  );
  const last = database
    .query<{ seq: number | null; timeNs: string | null }, []>(
      'SELECT max(seq) AS seq, CAST(max(time_ns) AS TEXT) AS timeNs FROM events',
    )
    .get();
  let lastSeq = last?.seq ?? 0;
  let lastTimeNs = BigInt(last?.timeNs ?? 0);
  const listeners = new Set<(seq: number, event: EventMessage) => void>();

  function publish(draft: EventDraft): EventMessage {
    // Strictly rising, also when the clock is set back: `since` must never skip or repeat an event.
    const clock = nowNs();
    lastTimeNs = clock > lastTimeNs ? clock : lastTimeNs + clockStepNs;
    lastSeq += 1;
    const event = messageOf(draft, lastTimeNs);
    try {
      if (draft.isTransient !== true) insert.run(lastSeq, lastTimeNs, JSON.stringify(event));
      if (lastSeq % pruneEvery === 0) prune.run(lastSeq - keptEvents);
    } catch (error) {
      // A full disk must not turn an action that is done into one that failed: the event still reaches who listens.
      log('error', 'event not recorded', { action: draft.action, id: draft.id, error: String(error) });
    }
    for (const listener of listeners) listener(lastSeq, event);
    return event;
  }

  async function* follow(
    { signal, sinceNs, untilNs }: StreamOptions,
    matches: (event: EventMessage) => boolean,
  ): AsyncGenerator<EventMessage> {
    const queue: { seq: number; event: EventMessage }[] = [];
    let wake: (() => void) | undefined;
    const listener = (seq: number, event: EventMessage): void => {
      queue.push({ seq, event });
      wake?.();
    };
    const isPast = untilNs !== undefined && untilNs <= nowNs();
    const stop =
      isPast || untilNs === undefined ? undefined : AbortSignal.timeout(Number((untilNs - nowNs()) / 1_000_000n) + 1);
    const ended = stop === undefined ? signal : AbortSignal.any([signal, stop]);
    const onEnd = (): void => wake?.();
    ended.addEventListener('abort', onEnd, { once: true });
    listeners.add(listener);
    try {
      let reached = sinceNs === undefined ? lastSeq : 0;
      while (sinceNs !== undefined) {
        const rows = page.all(reached, sinceNs, pageSize);
        for (const { seq, body } of rows) {
          reached = seq;
          const event = JSON.parse(body) as EventMessage;
          if (untilNs !== undefined && BigInt(event.timeNano) > untilNs) return;
          if (matches(event)) yield event;
        }
        if (rows.length < pageSize) break;
      }
      if (isPast) return;
      while (!ended.aborted) {
        const next = queue.shift();
        if (next === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
        } else if (next.seq > reached && matches(next.event)) {
          yield next.event;
        }
      }
    } finally {
      listeners.delete(listener);
      ended.removeEventListener('abort', onEnd);
    }
  }

  return {
    publish,
    listeners: () => listeners.size,
    stream: (options) => follow(options, eventFilter(options.filters)),
  };
}
