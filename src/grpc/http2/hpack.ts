import { ProtocolFault, resetCodes } from './frames.ts';
import { decodeHuffman } from './huffman.ts';
import { type Header, staticTable } from './static-table.ts';

export type { Header };

/** What an entry counts beyond its text (RFC 7541, section 4.1). */
const entryOverheadBytes = 32;
/** As large as the other side's table may be: HTTP/2's default, which is never asked to change. */
const tableBytes = 4096;

function malformed(what: string): ProtocolFault {
  return new ProtocolFault(resetCodes.compression, `malformed header block: ${what}`);
}

function sizeOf([name, value]: Header): number {
  return name.length + value.length + entryOverheadBytes;
}

/** Reads the header blocks of one direction of a connection, in order. */
export class HeaderDecoder {
  /** The newest first. */
  readonly #entries: Header[] = [];
  #usedBytes = 0;
  #limitBytes = tableBytes;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** `maxListBytes` bounds what is handed out, as SETTINGS_MAX_HEADER_LIST_SIZE counts it. Throws `ProtocolFault`. */
  decode(block: Buffer, maxListBytes: number): Header[] {
    this.#block = block;
    this.#at = 0;
    const headers: Header[] = [];
    let listBytes = 0;
    while (this.#at < block.byteLength) {
      const header = this.#next(block[this.#at] ?? 0);
      if (header === undefined) continue;
      listBytes += sizeOf(header);
      if (listBytes > maxListBytes) throw new ProtocolFault(resetCodes.calm, 'too many headers');
      headers.push(header);
    }
    return headers;
  }

  #next(first: number): Header | undefined {
    if ((first & 0x80) !== 0) return this.#entry(this.#integer(7));
    if ((first & 0xe0) === 0x20) {
      const limit = this.#integer(5);
      if (limit > tableBytes) throw malformed('the table is larger than agreed');
      this.#limitBytes = limit;
      this.#evict();
      return undefined;
    }
    const indexed = (first & 0x40) !== 0;
    const nameIndex = this.#integer(indexed ? 6 : 4);
    const name = nameIndex === 0 ? this.#string() : this.#entry(nameIndex)[0];
    const header: Header = [name, this.#string()];
    if (indexed) {
      this.#entries.unshift(header);
      this.#usedBytes += sizeOf(header);
      this.#evict();
    }
    return header;
  }

  #evict(): void {
    while (this.#usedBytes > this.#limitBytes) {
      const oldest = this.#entries.pop();
      if (oldest === undefined) break;
      this.#usedBytes -= sizeOf(oldest);
    }
  }

  #entry(index: number): Header {
    const known = staticTable[index - 1] ?? this.#entries[index - 1 - staticTable.length];
    if (known === undefined) throw malformed(`no entry ${index}`);
    return known;
  }

  #byte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw malformed('it ends too soon');
    this.#at += 1;
    return byte;
  }

  #integer(bits: number): number {
    const most = 2 ** bits - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
      if (shift >= 28) throw malformed('a number is too large');
    }
  }

  #string(): string {
    const coded = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    if (this.#at + length > this.#block.byteLength) throw malformed('it ends too soon');
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    this.#at += length;
    const text = coded ? decodeHuffman(bytes) : bytes;
    if (text === undefined) throw malformed('a text is not of the Huffman code');
    return text.toString('latin1');
  }
}

function integer(value: number, bits: number, mark: number): number[] {
  const most = 2 ** bits - 1;
  if (value < most) return [mark | value];
  const bytes = [mark | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([Buffer.from(integer(bytes.byteLength, 7, 0)), bytes]);
}

/** A header block that needs no memory on the other side: static entries and literals. */
export function encodeHeaders(headers: readonly Header[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of headers) {
    const whole = staticTable.findIndex((entry) => entry[0] === name && entry[1] === value);
    if (whole !== -1) {
      parts.push(Buffer.from(integer(whole + 1, 7, 0x80)));
      continue;
    }
    const named = staticTable.findIndex((entry) => entry[0] === name);
    parts.push(Buffer.from(integer(named + 1, 4, 0)));
    if (named === -1) parts.push(text(name));
    parts.push(text(value));
  }
  return Buffer.concat(parts);
}
