export type { RegistryCredentials } from '#distribution';
export type { Platform } from '#oci';
export type { BuildLayer, BuildLayers, BuiltImage, MeasuredDraft } from './build-layers.ts';
export { runExaminer } from './examine/examiner.ts';
export type { ImageGcPolicy, Watermark } from './gc/policy.ts';
export { type ImagesOptions, openImages } from './open.ts';
export type { PackedLayer, Packing } from './packed-layer.ts';
export type { BuiltPush, PushedLayer } from './push/built.ts';
export * from './types.ts';
