export { type Collection, type Identified, openRecords, type Records } from './records.ts';
