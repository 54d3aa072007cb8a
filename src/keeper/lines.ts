const newline = 0x0a;

/** Cuts a stream of bytes into its JSON lines, each parsed; lines that are no JSON are left out. */
export class JsonLines {
  #rest: Buffer = Buffer.alloc(0);

  /** The values whose lines `bytes` completes. */
  add(bytes: Uint8Array): unknown[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    const values: unknown[] = [];
    for (;;) {
      const value = this.next();
      if (value === undefined) return values;
      if (value !== null) values.push(value.json);
    }
  }

  /** Adds bytes without looking at them. */
  append(bytes: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
  }

  /** The next line's value; null when the line is no JSON; undefined when no line is complete. */
  next(): { readonly json: unknown } | null | undefined {
    const end = this.#rest.indexOf(newline);
    if (end === -1) return undefined;
    const line = this.#rest.toString('utf8', 0, end);
    this.#rest = this.#rest.subarray(end + 1);
    try {
      return { json: JSON.parse(line) };
    } catch {
      return null;
    }
  }

  /** What came behind the last line taken, which is no longer kept. */
  takeRest(): Buffer {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest;
  }
}
