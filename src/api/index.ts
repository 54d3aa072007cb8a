export * from './container.ts';
export * from './host-config.ts';
export * from './image.ts';
export * from './network.ts';
export * from './stats.ts';
export * from './system.ts';
export * from './usage.ts';
export * from './volume.ts';
