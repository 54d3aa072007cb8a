/** DNS messages for tests, written and read in another way than the server does it. */
const types: Readonly<Record<string, number>> = { A: 1, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 };
const codes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** A query; `edns` is what the client takes, `flags` the header's. */
export function query(name: string, type = 'A', options: { id?: number; edns?: number; flags?: number } = {}): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const head = Buffer.alloc(12);
  head.writeUInt16BE(options.id ?? 7, 0);
  head.writeUInt16BE(options.flags ?? 0x100, 2);
  head.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(types[type] ?? 0, 0);
  tail.writeUInt16BE(1, 2);
  const asked = labels.flatMap((label) => [Buffer.from([Buffer.byteLength(label)]), Buffer.from(label)]);
  const option = Buffer.from([0, 0, 41, 0, 0, 0, 0, 0x80, 0, 0, 0]);
  if (options.edns !== undefined) {
    head.writeUInt16BE(1, 10);
    option.writeUInt16BE(options.edns, 3);
  }
  return Buffer.concat([head, ...asked, Buffer.from([0]), tail, ...(options.edns === undefined ? [] : [option])]);
}

function nameAt(message: Buffer, at: number): [string, number] {
  const labels: string[] = [];
  let end = -1;
  for (let position = at; ; ) {
    const length = message[position] ?? 0;
    if (length >= 0xc0) {
      if (end < 0) end = position + 2;
      position = message.readUInt16BE(position) & 0x3fff;
    } else if (length === 0) return [labels.join('.'), end < 0 ? position + 1 : end];
    else {
      labels.push(message.toString('utf8', position + 1, position + 1 + length));
      position += 1 + length;
    }
  }
}

/** What an answer says. */
export interface Answer {
  readonly id: number;
  readonly code: string;
  readonly isCut: boolean;
  readonly flags: number;
  readonly name: string | undefined;
  /** Addresses and names as text, other data in hexadecimal digits. */
  readonly data: readonly string[];
  /** For how many seconds each of them holds. */
  readonly lives: readonly number[];
}

/** Reads an answer. */
export function read(message: Buffer): Answer {
  const flags = message.readUInt16BE(2);
  let at = 12;
  let name: string | undefined;
  if (message.readUInt16BE(4) > 0) {
    [name, at] = nameAt(message, 12);
    at += 4;
  }
  const data: string[] = [];
  const lives: number[] = [];
  for (let count = message.readUInt16BE(6); count > 0; count--) {
    const [, end] = nameAt(message, at);
    const type = message.readUInt16BE(end);
    lives.push(message.readUInt32BE(end + 4));
    const bytes = message.subarray(end + 10, end + 10 + message.readUInt16BE(end + 8));
    if (type === types.PTR) data.push(nameAt(message, end + 10)[0]);
    else data.push(type === types.A ? bytes.join('.') : bytes.toString('hex'));
    at = end + 10 + bytes.length;
  }
  const code = codes[flags & 0xf] ?? '';
  return { id: message.readUInt16BE(0), code, isCut: (flags & 0x200) !== 0, flags, name, data, lives };
}
