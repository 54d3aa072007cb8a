import { printSize } from '#std/sizes';
import { writeErr } from '../../streams/text-output.ts';
import {
  type BuildUpdate,
  type Display,
  lastLine,
  type ShownVertex,
  type StatusUpdate,
  seconds,
  VertexTable,
} from './model.ts';

/** Statuses that only count bytes are printed no more often than this. */
const statusIntervalMs = 1000;

/** `transferring context: 1.2MB / 3.4MB 0.3s done`. */
export function statusText(status: StatusUpdate): string {
  const { id, current, total, startedMs, completedMs } = status;
  const size =
    total > 0 ? ` ${printSize(current, 3)} / ${printSize(total, 3)}` : current > 0 ? ` ${printSize(current, 3)}` : '';
  const spent = startedMs === undefined ? 0 : (completedMs ?? Date.now()) - startedMs;
  const time = spent >= 50 ? ` ${seconds(spent)}` : '';
  return `${id}${size}${time}${completedMs === undefined ? '' : ' done'}`;
}

/**
 * One line for each thing that happens, as `docker build --progress=plain` prints it. What runs at the same time is printed in
 * pieces, each under the name of its step.
 */
export class PlainDisplay implements Display {
  readonly table = new VertexTable();
  readonly #explained = new Set<ShownVertex>();
  readonly #finished = new Set<ShownVertex>();
  readonly #statusShown = new Map<string, { atMs: number; isDone: boolean }>();
  #current: ShownVertex | undefined;

  constructor(readonly print: (text: string) => void = writeErr) {}

  update(update: BuildUpdate): void {
    for (const { vertex, lines } of this.table.take(update)) {
      if (vertex.startedMs === undefined && !vertex.isCached && vertex.completedMs === undefined) continue;
      if (this.#finished.has(vertex) && lines.length === 0 && vertex.error === '' && !this.#isUnexplained(vertex)) {
        this.#statuses(vertex);
        continue;
      }
      this.#introduce(vertex);
      this.#explain(vertex);
      this.#statuses(vertex);
      for (const { atMs, text } of lines) this.print(`#${vertex.number} ${(atMs / 1000).toFixed(3)} ${text}\n`);
      if (vertex.completedMs !== undefined && !this.#finished.has(vertex)) this.#finish(vertex);
    }
  }

  end(): void {
    for (const vertex of this.table.vertices.values()) {
      for (const { atMs, text } of lastLine(vertex)) {
        this.print(`#${vertex.number} ${(atMs / 1000).toFixed(3)} ${text}\n`);
      }
    }
  }

  #introduce(vertex: ShownVertex): void {
    if (this.#current === vertex) return;
    if (this.#current !== undefined && !this.#finished.has(this.#current)) this.print(`#${this.#current.number} ...\n`);
    this.print(`\n#${vertex.number} ${vertex.name}\n`);
    this.#current = vertex;
  }

  #isUnexplained(vertex: ShownVertex): boolean {
    return vertex.cause !== '' && !this.#explained.has(vertex);
  }

  /** The cause may be known later than that it began. */
  #explain(vertex: ShownVertex): void {
    if (!this.#isUnexplained(vertex)) return;
    this.#explained.add(vertex);
    this.print(`#${vertex.number} why: ${vertex.cause}\n`);
  }

  #statuses(vertex: ShownVertex): void {
    for (const status of vertex.statuses.values()) {
      const key = `${vertex.digest} ${status.id}`;
      const shown = this.#statusShown.get(key);
      const isDone = status.completedMs !== undefined;
      if (shown?.isDone === true) continue;
      if (shown !== undefined && !isDone && Date.now() - shown.atMs < statusIntervalMs) continue;
      // The first count of what is over in a moment says nothing.
      if (shown === undefined && !isDone) {
        this.#statusShown.set(key, { atMs: Date.now(), isDone });
        continue;
      }
      this.#introduce(vertex);
      this.print(`#${vertex.number} ${statusText(status)}\n`);
      this.#statusShown.set(key, { atMs: Date.now(), isDone });
    }
  }

  #finish(vertex: ShownVertex): void {
    this.#finished.add(vertex);
    for (const { atMs, text } of lastLine(vertex))
      this.print(`#${vertex.number} ${(atMs / 1000).toFixed(3)} ${text}\n`);
    if (vertex.error !== '')
      this.print(
        `#${vertex.number} ${vertex.error.includes('context canceled') ? 'CANCELED' : `ERROR: ${vertex.error}`}\n`,
      );
    else if (vertex.isCached) this.print(`#${vertex.number} CACHED\n`);
    else
      this.print(
        `#${vertex.number} DONE ${seconds((vertex.completedMs ?? 0) - (vertex.startedMs ?? vertex.completedMs ?? 0))}\n`,
      );
  }
}
