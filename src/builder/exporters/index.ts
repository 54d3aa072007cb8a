export { createCacheImporter } from './cache/imports.ts';
export { createExporter } from './export.ts';
export type { ExporterParts } from './parts.ts';
