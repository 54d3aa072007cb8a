export { copyUp, hasDirectory } from './copy-up.ts';
export { openVolumes, type VolumesOptions } from './open.ts';
export * from './types.ts';
