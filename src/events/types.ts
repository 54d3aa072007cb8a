import type { EventMessage, Filters } from '#api';

/** What happened, before it has its time. */
export interface EventDraft {
  readonly type: 'container' | 'image' | 'volume' | 'network' | 'daemon' | 'plugin' | 'builder';
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Told to who listens, and not kept: what comes every second would push out what matters. */
  readonly isTransient?: boolean;
}

/** The durable journal of events. */
export interface Events {
  /** Writes an event, then tells all who listen. May be called inside a records transaction. */
  publish(draft: EventDraft): EventMessage;
  /**
   * Past events from `sinceNs` on (none when undefined), then live ones until `untilNs` or until `signal` aborts.
   * No event is missed or doubled between the two.
   */
  stream(options: {
    sinceNs?: bigint;
    untilNs?: bigint;
    filters: Filters;
    signal: AbortSignal;
  }): AsyncIterable<EventMessage>;
}

/** The journal as its opener has it. */
export interface EventJournal extends Events {
  /** How many streams are open. */
  listeners(): number;
}
