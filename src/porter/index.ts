export { briefBytes, packBriefly, unpackBriefly } from './brief.ts';
export { openPorter, type Porter } from './client.ts';
export { explain } from './explain.ts';
export { type PathStat, statPath } from './stat.ts';
export type { UnpackOptions } from './unpack.ts';
export { ContainerView, LeavesRoot, type ViewMount, type ViewRequest } from './view.ts';
