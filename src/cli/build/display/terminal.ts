import { writeErr } from '../../streams/text-output.ts';
import { type BuildUpdate, type Display, lastLine, type ShownVertex, seconds, VertexTable } from './model.ts';
import { statusText } from './plain.ts';

const frameMs = 100;
/** So many lines of a step's output are shown below it while it runs. */
const tailLines = 4;

const paint = (code: number, text: string): string => `\u001b[${code}m${text}\u001b[0m`;
const dim = (text: string): string => paint(2, text);

/** Takes out what would move the cursor or change colours, and cuts to the width of the terminal. */
function fit(text: string, columns: number): string {
  const clean = Bun.stripANSI(text).replace(/\p{Cc}/gu, ' ');
  const characters = [...clean];
  return characters.length <= columns ? clean : `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}

function mark(vertex: ShownVertex): string {
  if (vertex.error !== '') return paint(31, '✗');
  if (vertex.isCached) return paint(36, '=');
  if (vertex.completedMs !== undefined) return paint(32, '✓');
  return paint(33, '●');
}

/** In place on a terminal: what is done scrolls away, what runs stays below with its last lines. */
export class TerminalDisplay implements Display {
  readonly table = new VertexTable();
  readonly #startedMs = Date.now();
  readonly #settled = new Set<ShownVertex>();
  readonly #timer: ReturnType<typeof setInterval>;
  #drawnRows = 0;

  constructor(
    readonly title: string,
    readonly size: () => { readonly columns: number; readonly rows: number },
    readonly print: (text: string) => void = writeErr,
  ) {
    this.#timer = setInterval(() => this.#draw(), frameMs);
  }

  update(update: BuildUpdate): void {
    this.table.take(update);
  }

  end(): void {
    clearInterval(this.#timer);
    for (const vertex of this.table.vertices.values()) lastLine(vertex);
    this.#draw(true);
  }

  #draw(isLast = false): void {
    const { columns, rows } = this.size();
    const all = [...this.table.vertices.values()];
    const done = all.filter((vertex) => vertex.completedMs !== undefined && !this.#settled.has(vertex));
    for (const vertex of done) this.#settled.add(vertex);
    const settled = done.flatMap((vertex) => this.#settledLines(vertex, columns));
    const running = all.filter(({ startedMs, completedMs }) => startedMs !== undefined && completedMs === undefined);
    const state = `${this.#settled.size}/${all.length}  ${seconds(Date.now() - this.#startedMs)}`;
    const head = isLast ? [] : [fit(`${this.title}  ${state}`, columns)];
    const live = isLast
      ? []
      : running.flatMap((vertex) => this.#runningLines(vertex, columns)).slice(0, Math.max(1, rows - 3));
    const up = this.#drawnRows > 0 ? `\u001b[${this.#drawnRows}A` : '';
    const text = [...settled, ...head, ...live].map((line) => `\u001b[2K${line}\n`).join('');
    this.print(`${up}\r${text}\u001b[J`);
    this.#drawnRows = head.length + live.length;
  }

  #settledLines(vertex: ShownVertex, columns: number): string[] {
    const time = vertex.isCached
      ? 'cached'
      : seconds((vertex.completedMs ?? 0) - (vertex.startedMs ?? vertex.completedMs ?? 0));
    const name = fit(vertex.name, columns - time.length - 5);
    const line = ` ${mark(vertex)} ${name}${' '.repeat(Math.max(1, columns - [...name].length - time.length - 4))}${dim(time)}`;
    return [line, ...(vertex.cause === '' ? [] : [`   ${dim(fit(`why: ${vertex.cause}`, columns - 4))}`])];
  }

  #runningLines(vertex: ShownVertex, columns: number): string[] {
    const time = seconds(Date.now() - (vertex.startedMs ?? Date.now()));
    const name = fit(vertex.name, columns - time.length - 5);
    const statuses = [...vertex.statuses.values()]
      .filter(({ completedMs }) => completedMs === undefined)
      .map(statusText);
    const output = vertex.lines.slice(-tailLines).map(({ text }) => text);
    const rest = vertex.rest === '' ? [] : [vertex.rest];
    const below = [...statuses, ...output, ...rest].slice(-tailLines);
    return [
      ` ${mark(vertex)} ${name}${' '.repeat(Math.max(1, columns - [...name].length - time.length - 4))}${time}`,
      ...below.map((text) => `   ${dim(fit(text, columns - 4))}`),
    ];
  }
}
