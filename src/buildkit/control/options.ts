import type { control } from '#build-api';
import type { CacheExportRequest, ExportRequest } from '#builder';
import { fail } from '#std/errors';

/** What a Solve asks for beside its graph, in today's form: what old clients say otherwise is translated. */
export interface SolveOptions {
  readonly exporters: readonly ExportRequest[];
  readonly cacheExports: readonly CacheExportRequest[];
  readonly cacheImports: readonly CacheExportRequest[];
  readonly entitlements: ReadonlySet<string>;
}

const exporterTypes = new Set(['moby', 'image', 'docker', 'oci', 'local', 'tar', 'cacheonly']);
const cacheTypes = new Set(['inline', 'registry', 'local']);
const cacheImportTypes = new Set(['registry', 'local']);
/** What a client may be granted when it asks. */
const grantable = new Set(['network.host']);

/** With SOURCE_DATE_EPOCH as a build argument exporters keep to it too, unless they are told otherwise. */
function withEpoch(attributes: Readonly<Record<string, string>>, epoch: string | undefined): Record<string, string> {
  return { ...(epoch && { 'source-date-epoch': epoch }), ...attributes };
}

function exportersOf(request: control.SolveRequest): ExportRequest[] {
  const epoch = request.frontendAttrs.get('build-arg:SOURCE_DATE_EPOCH');
  const { exporterDeprecated: type, exporterAttrsDeprecated: attrs } = request;
  const asked = request.exporters.length === 0 && type !== '' ? [{ type, attrs }] : request.exporters;
  return asked.map((exporter, index) => {
    if (!exporterTypes.has(exporter.type)) throw fail('not-found', `exporter "${exporter.type}" could not be found`);
    const attributes = withEpoch(Object.fromEntries(exporter.attrs), epoch);
    // Outputs of a session are called by their exporter's place in the list.
    return { type: exporter.type, attributes, id: String(index) };
  });
}

interface CacheEntry {
  readonly type: string;
  readonly attrs: ReadonlyMap<string, string>;
}

function cacheRequest({ type, attrs }: CacheEntry, known: ReadonlySet<string>, what: string): CacheExportRequest {
  if (!known.has(type)) throw fail('invalid-argument', `unknown cache ${what}: ${JSON.stringify(type)}`);
  return { type, attributes: Object.fromEntries(attrs) };
}

/** Caches to look into, as a client passes them to frontends: JSON in `cache-imports`, or names in `cache-from`. */
export function importsOf(options: ReadonlyMap<string, string>): CacheExportRequest[] {
  const json = options.get('cache-imports');
  const names = (options.get('cache-from') ?? '').split(',').filter((name) => name !== '');
  const named = names.map((ref) => ({ type: 'registry', attributes: { ref } }));
  if (!json) return named;
  let listed: unknown;
  try {
    listed = JSON.parse(json);
  } catch (cause) {
    throw fail('invalid-argument', `failed to unmarshal cache-imports (${JSON.stringify(json)})`, cause);
  }
  const entries = Array.isArray(listed) ? (listed as { Type?: unknown; Attrs?: unknown }[]) : [];
  const imports = entries.map(({ Type, Attrs }) => {
    const attrs = new Map(Object.entries(Attrs ?? {}).map(([name, value]) => [name, String(value)]));
    return cacheRequest({ type: String(Type), attrs }, cacheImportTypes, 'importer');
  });
  return [...named, ...imports];
}

function cachesOf({ cache, frontendAttrs }: control.SolveRequest): Pick<SolveOptions, 'cacheExports' | 'cacheImports'> {
  const old = cache?.exportRefDeprecated ?? '';
  const oldAttrs = Object.fromEntries(cache?.exportAttrsDeprecated ?? []);
  const cacheExports = (cache?.exports ?? []).map((entry) => cacheRequest(entry, cacheTypes, 'exporter'));
  if (old !== '') cacheExports.push({ type: 'registry', attributes: { ...oldAttrs, ref: old } });
  const seen = cacheExports.map((entry) => JSON.stringify(entry));
  const twice = cacheExports.filter((_, index) => seen.indexOf(seen[index] ?? '') < index);
  if (twice.length > 0) {
    throw fail('invalid-argument', `duplicate cache exports [${twice.map(({ type }) => type).join(' ')}]`);
  }
  const cacheImports = (cache?.imports ?? []).map((entry) => cacheRequest(entry, cacheImportTypes, 'importer'));
  for (const ref of cache?.importRefsDeprecated ?? []) cacheImports.push({ type: 'registry', attributes: { ref } });
  return { cacheExports, cacheImports: [...cacheImports, ...importsOf(frontendAttrs)] };
}

function entitlementsOf(asked: readonly string[]): ReadonlySet<string> {
  for (const name of asked) {
    if (!grantable.has(name)) {
      throw fail('forbidden', `granting entitlement ${name} is not allowed by build daemon configuration`);
    }
  }
  return new Set(asked);
}

/** Reads and checks what a Solve asks for. Throws before anything is begun. */
export function readSolveOptions(request: control.SolveRequest): SolveOptions {
  if (request.sourcePolicy !== undefined && request.sourcePolicy.rules.length > 0) {
    throw fail('not-implemented', 'source policies are not supported by this engine');
  }
  return {
    exporters: exportersOf(request),
    ...cachesOf(request),
    entitlements: entitlementsOf(request.entitlements),
  };
}
