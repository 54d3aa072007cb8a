import type { Socket } from 'bun';
import { inNetworkNamespace } from '#linux/namespaces';
import { messageOf } from '#std/errors';
import type { NetworkTarget } from './network-target.ts';
import { keptOutput } from './output.ts';

/** What came of a probe that has no process. */
export interface NetworkProbeEnd {
  readonly exitCode: 0 | 1;
  readonly output: string;
  readonly isLate: boolean;
}

/** The least and the first status that is no success any more; a redirection says that somebody is there. */
const [leastGood, firstBad] = [200, 400];
/** A head longer than this is no answer. */
const longestHeadBytes = 64 * 1024;

/** Reads an answer as far as it is needed: its status, and the beginning of its body. */
class Answer {
  readonly #body = keptOutput();
  #head = '';
  #status = '';

  /** True once nothing more is needed. */
  add(bytes: Uint8Array): boolean {
    if (this.#status !== '') {
      this.#body.add(bytes);
      // A page without end is not read to it.
      return this.#body.isCut;
    }
    this.#head += Buffer.from(bytes).toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return this.#head.length > longestHeadBytes;
    this.#status = this.#head.slice(0, this.#head.indexOf('\r\n'));
    this.#body.add(Buffer.from(this.#head.slice(end + 4), 'latin1'));
    return this.#body.isCut;
  }

  end(): Pick<NetworkProbeEnd, 'exitCode' | 'output'> {
    const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(this.#status)?.[1] ?? 0);
    if (status === 0) return { exitCode: 1, output: 'no HTTP answer' };
    const body = this.#body.text();
    const isGood = status >= leastGood && status < firstBad;
    return { exitCode: isGood ? 0 : 1, output: `${this.#status}${body === '' ? '' : `\n${body}`}` };
  }
}

function requestText({ path, host }: NetworkTarget): string {
  return `GET ${path} HTTP/1.0\r\nHost: ${host}\r\nUser-Agent: estiba-health\r\nAccept: */*\r\nConnection: close\r\n\r\n`;
}

/**
 * Connects to a port of a container from inside its network namespace, and asks there for a page. Only the opening of the
 * socket hops; nothing of it waits, so that the engine does not either.
 */
export function probeNetwork(
  namespacePath: string,
  target: NetworkTarget,
  timeoutMs: number,
): Promise<NetworkProbeEnd> {
  const { promise, resolve } = Promise.withResolvers<NetworkProbeEnd>();
  const where = `${target.address}:${target.port}`;
  const answer = new Answer();
  let socket: Socket | undefined;
  let isOver = false;
  const finish = (end: Omit<NetworkProbeEnd, 'isLate'>, isLate = false): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    resolve({ ...end, isLate });
    socket?.terminate();
  };
  const failed = (error: unknown): void => finish({ exitCode: 1, output: `connect ${where}: ${messageOf(error)}` });
  const timer = setTimeout(() => finish({ exitCode: 1, output: '' }, true), timeoutMs);
  const handlers = {
    open(opened: Socket): void {
      socket = opened;
      if (isOver) opened.terminate();
      else if (target.kind === 'TCP') finish({ exitCode: 0, output: `connected to ${where}` });
      else opened.write(requestText(target));
    },
    data(_socket: Socket, bytes: Buffer): void {
      if (answer.add(bytes)) finish(answer.end());
    },
    end: (): void => finish(answer.end()),
    close: (): void => finish(answer.end()),
    error: (_socket: Socket, error: Error): void => failed(error),
    connectError: (_socket: Socket, error: Error): void => failed(error),
  };
  try {
    inNetworkNamespace(namespacePath, () =>
      Bun.connect({ hostname: target.address, port: target.port, socket: handlers }),
    ).catch(failed);
  } catch (error) {
    failed(error);
  }
  return promise;
}
