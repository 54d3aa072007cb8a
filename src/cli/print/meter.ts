import { printSize } from '#std/sizes';
import { isTerminal } from '../streams/terminal.ts';
import { writeErr } from '../streams/text-output.ts';

const intervalMs = 100;
const barColumns = 30;

/** The line of a meter: label, a bar where the whole is known, and how much has passed. */
export function meterLine(label: string, passedBytes: number, totalBytes: number | undefined): string {
  if (totalBytes === undefined || totalBytes <= 0) return `${label} ${printSize(passedBytes, 3)}`;
  const share = Math.min(1, passedBytes / totalBytes);
  const filled = Math.round(share * barColumns);
  const bar = '='.repeat(filled) + (filled < barColumns ? '>' : '') + ' '.repeat(Math.max(0, barColumns - filled - 1));
  return `${label} [${bar}] ${printSize(passedBytes, 3)}/${printSize(totalBytes, 3)}`;
}

/** Shows on standard error, where that is a terminal, how far something long has come. */
export class Meter implements Disposable {
  #passedBytes = 0;
  #shownAt = 0;
  #shown = false;

  private constructor(
    readonly label: string,
    readonly totalBytes: number | undefined,
    readonly visible: boolean,
  ) {}

  /** A meter; it stays silent when asked to, or when nobody would see it. */
  static async open(label: string, options: { totalBytes?: number | undefined; quiet?: boolean } = {}): Promise<Meter> {
    const visible = options.quiet !== true && (await isTerminal(2));
    return new Meter(label, options.totalBytes, visible);
  }

  /** The same for what has no measure: a line that is there until it is over. */
  static async waiting(label: string): Promise<Meter> {
    const meter = await Meter.open(label);
    if (meter.visible) writeErr(`\r\u001b[2K${label} ...`);
    meter.#shown = meter.visible;
    return meter;
  }

  get passedBytes(): number {
    return this.#passedBytes;
  }

  /** Counts bytes that have passed. */
  add(bytes: number): void {
    this.#passedBytes += bytes;
    if (!this.visible) return;
    const now = Date.now();
    if (now - this.#shownAt < intervalMs) return;
    this.#shownAt = now;
    this.#shown = true;
    writeErr(`\r\u001b[2K${meterLine(this.label, this.#passedBytes, this.totalBytes)}`);
  }

  /** The same bytes, counted as they pass. */
  async *count(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of source) {
      this.add(bytes.length);
      yield bytes;
    }
  }

  /** Takes the line away. */
  [Symbol.dispose](): void {
    if (this.#shown) writeErr('\r\u001b[2K');
    this.#shown = false;
  }
}
