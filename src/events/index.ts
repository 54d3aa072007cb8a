export { openEvents } from './journal.ts';
export type { EventDraft, Events } from './types.ts';
