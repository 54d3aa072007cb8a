export { openEvents } from './journal.ts';
export type { EventDraft, EventJournal, Events } from './types.ts';
