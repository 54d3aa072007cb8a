import { until } from '../harness/index.ts';

const headEnd = '\r\n\r\n';
const frameHeaderBytes = 8;

/**
 * A client whose connection was taken over, that has ended its half and takes nothing until it is told to. Over `Bun.connect`:
 * in a paused `node:net` connection, Bun loses the end by itself.
 */
export class StalledClient implements Disposable {
  readonly #chunks: Buffer[] = [];
  #ended = false;
  #socket: Bun.Socket | undefined;

  /** Sends the request, and stalls once its answer's head has come. */
  static async open(path: string, request: string, body = ''): Promise<StalledClient> {
    const client = new StalledClient();
    const end = (): void => {
      client.#ended = true;
    };
    client.#socket = await Bun.connect({
      unix: path,
      allowHalfOpen: true,
      socket: {
        data(socket, bytes) {
          client.#chunks.push(Buffer.from(bytes));
          if (client.#chunks.length === 1) socket.pause();
        },
        end,
        close: end,
        error: end,
      },
    });
    const head = `${request} HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nContent-Type: application/json\r\n`;
    client.#socket.write(`${head}Content-Length: ${body.length}${headEnd}${body}`);
    await until('the head of the answer', () => client.#chunks.length > 0 || client.#ended);
    return client;
  }

  endInput(): void {
    this.#socket?.shutdown();
  }

  /** Takes all there is, to the end; resolves with how many bytes the process wrote. */
  async takeAll(): Promise<number> {
    this.#socket?.resume();
    await until('the end of the output', () => this.#ended);
    const bytes = Buffer.concat(this.#chunks);
    let total = 0;
    for (let at = bytes.indexOf(headEnd) + headEnd.length; at < bytes.length; ) {
      const length = bytes.readUInt32BE(at + 4);
      at += frameHeaderBytes + length;
      total += Math.max(0, length - Math.max(0, at - bytes.length));
    }
    return total;
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate();
  }
}
