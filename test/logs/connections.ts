import { connect, type Socket } from 'node:net';
import { until } from '../harness/index.ts';

/** A connection to an engine that was taken over: what came behind the head of the answer, and the way back. */
export class TakenOver implements Disposable {
  head = '';
  #bytes: Buffer = Buffer.alloc(0);
  ended = false;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => (this.#bytes = Buffer.concat([this.#bytes, chunk])));
    socket.on('error', () => undefined);
    for (const event of ['end', 'close']) socket.on(event, () => (this.ended = true));
  }

  /** Sends a request and resolves with its answer's head read. */
  static async open(path: string, request: string, headers: readonly string[] = [], body = ''): Promise<TakenOver> {
    const taken = new TakenOver(connect({ path, allowHalfOpen: true }));
    taken.socket.write(`${[`${request} HTTP/1.1`, 'Host: engine', ...headers].join('\r\n')}\r\n\r\n${body}`);
    await until('the head of the answer', () => taken.#bytes.includes('\r\n\r\n') || taken.ended);
    const end = taken.#bytes.indexOf('\r\n\r\n');
    taken.head = taken.#bytes.toString('latin1', 0, end);
    taken.#bytes = taken.#bytes.subarray(end + 4);
    return taken;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Resolves when the bytes so far hold `part`. */
  async received(part: string | Buffer): Promise<void> {
    await until(`to receive ${JSON.stringify(part.toString())}`, () => this.#bytes.includes(part));
  }

  async end(): Promise<void> {
    await until('the end of the connection', () => this.ended);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

export const upgradeHeaders = ['Connection: Upgrade', 'Upgrade: tcp'];
export const webSocketHeaders = [
  ...['Connection: keep-alive, Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Origin: http://elsewhere'],
];

/** A frame as a WebSocket client sends it; `first` is its first byte. */
export function clientFrame(first: number, text: string): Buffer {
  const mask = [1, 2, 3, 4];
  const body = Buffer.from(text).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from([first, 0x80 | body.length, ...mask]), body]);
}
