/** What the engine tells of a build, as the displays take it. Times are milliseconds since 1970. */
export interface BuildUpdate {
  readonly vertices: readonly VertexUpdate[];
  readonly statuses: readonly StatusUpdate[];
  readonly logs: readonly { readonly vertex: string; readonly atMs: number; readonly data: Uint8Array }[];
  readonly warnings: readonly WarningUpdate[];
}

export interface VertexUpdate {
  readonly digest: string;
  readonly name: string;
  readonly startedMs?: number;
  readonly completedMs?: number;
  readonly isCached: boolean;
  readonly error: string;
  readonly cause: string;
}

export interface StatusUpdate {
  readonly vertex: string;
  readonly id: string;
  readonly current: number;
  readonly total: number;
  readonly startedMs?: number;
  readonly completedMs?: number;
}

export interface WarningUpdate {
  readonly short: string;
  readonly url: string;
  readonly line: number;
}

/** A way to show a build: told all of it in order, then that it is over. */
export interface Display {
  update(update: BuildUpdate): void;
  /** Nothing more comes. */
  end(): void;
}

/** A vertex as it stands, with what it printed last. */
export interface ShownVertex {
  readonly number: number;
  readonly digest: string;
  name: string;
  startedMs: number | undefined;
  completedMs: number | undefined;
  isCached: boolean;
  error: string;
  cause: string;
  readonly statuses: Map<string, StatusUpdate>;
  /** The last lines of its output, with the time since its start. */
  readonly lines: { readonly atMs: number; readonly text: string }[];
  /** A line that has no end yet. */
  rest: string;
  readonly decoder: TextDecoder;
}

/** So many lines of a failed step are shown again at the end. */
const keptLines = 20;

/** All vertices of a build by the order in which they were first told of. */
export class VertexTable {
  readonly vertices = new Map<string, ShownVertex>();
  readonly warnings: WarningUpdate[] = [];

  /** Takes an update in; returns the vertices that it was about, and the lines that came, whole ones only. */
  take(update: BuildUpdate): { vertex: ShownVertex; lines: { atMs: number; text: string }[] }[] {
    const touched = new Map<ShownVertex, { atMs: number; text: string }[]>();
    const linesOf = (vertex: ShownVertex): { atMs: number; text: string }[] => {
      const known = touched.get(vertex) ?? [];
      touched.set(vertex, known);
      return known;
    };
    for (const one of update.vertices) {
      const vertex = this.#vertex(one.digest);
      vertex.name = one.name || vertex.name;
      vertex.startedMs ??= one.startedMs;
      // A vertex may be started anew after it was told to be over.
      vertex.completedMs = one.completedMs ?? (one.startedMs === undefined ? vertex.completedMs : undefined);
      vertex.isCached = one.isCached || vertex.isCached;
      vertex.error = one.error || vertex.error;
      vertex.cause = one.cause || vertex.cause;
      linesOf(vertex);
    }
    for (const status of update.statuses) {
      const vertex = this.#vertex(status.vertex);
      vertex.statuses.set(status.id, status);
      linesOf(vertex);
    }
    for (const { vertex: digest, atMs, data } of update.logs) {
      const vertex = this.#vertex(digest);
      linesOf(vertex).push(...take(vertex, atMs, data));
    }
    this.warnings.push(...update.warnings);
    return [...touched].map(([vertex, lines]) => ({ vertex, lines }));
  }

  #vertex(digest: string): ShownVertex {
    const known = this.vertices.get(digest);
    if (known !== undefined) return known;
    const vertex: ShownVertex = {
      number: this.vertices.size + 1,
      digest,
      name: '',
      startedMs: undefined,
      completedMs: undefined,
      isCached: false,
      error: '',
      cause: '',
      statuses: new Map(),
      lines: [],
      rest: '',
      decoder: new TextDecoder(),
    };
    this.vertices.set(digest, vertex);
    return vertex;
  }
}

function take(vertex: ShownVertex, atMs: number, data: Uint8Array): { atMs: number; text: string }[] {
  const parts = (vertex.rest + vertex.decoder.decode(data, { stream: true })).split('\n');
  vertex.rest = parts.pop() ?? '';
  const since = atMs - (vertex.startedMs ?? atMs);
  // What is overwritten by a carriage return was a progress display: its last state is what counts.
  const lines = parts.map((text) => ({ atMs: since, text: text.replace(/\r$/, '').replace(/^.*\r/s, '') }));
  vertex.lines.push(...lines);
  vertex.lines.splice(0, Math.max(0, vertex.lines.length - keptLines));
  return lines;
}

/** The line that has no end, when nothing more comes. */
export function lastLine(vertex: ShownVertex): { atMs: number; text: string }[] {
  const { rest } = vertex;
  vertex.rest = '';
  if (rest === '') return [];
  const line = { atMs: (vertex.completedMs ?? Date.now()) - (vertex.startedMs ?? Date.now()), text: rest };
  vertex.lines.push(line);
  return [line];
}

/** `1.2s`, as buildx has it. */
export function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)}s`;
}
