import type { BuildContext, Builder, CacheExportRequest, CacheImport } from '#builder';

/** Looks into caches of other places for one build: clients name the same one several times, and it is read once. */
export class ImportOnce {
  private readonly known = new Map<string, Promise<readonly CacheImport[]>>();

  constructor(
    private readonly builder: Pick<Builder, 'importCaches'>,
    private readonly context: BuildContext,
  ) {}

  async get(requests: readonly CacheExportRequest[]): Promise<readonly CacheImport[]> {
    const imports = await Promise.all(requests.map((request) => this.one(request)));
    return [...new Set(imports.flat())];
  }

  private one(request: CacheExportRequest): Promise<readonly CacheImport[]> {
    const { type, attributes } = request;
    const key = JSON.stringify([type, Object.entries(attributes).sort()]);
    const known = this.known.get(key) ?? this.builder.importCaches([request], this.context);
    this.known.set(key, known);
    return known;
  }
}
