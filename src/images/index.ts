export { type ImagesOptions, openImages } from './open.ts';
export * from './types.ts';
