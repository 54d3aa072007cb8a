export { type BuildRecords, openBuildRecords } from './build-records.ts';
export { type BuildGcLimits, type BuildGcPolicy, usualGcPolicy } from './policy.ts';
