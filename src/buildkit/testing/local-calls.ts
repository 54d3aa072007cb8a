import { content, control, gateway } from '#build-api';
import type { Implementation, Message, Read, ServerCall, Written } from '#grpc';

type Handler = (request: unknown, call: ServerCall) => unknown;

/** Calls services without a connection; messages are written and read as if there were one. */
export function callsOf(services: readonly Implementation[]) {
  const never = new AbortController().signal;
  const handlerOf = (service: { readonly name: string }, method: string): Handler => {
    const found = services.find((one) => one.service.name === service.name)?.handlers[method];
    if (found === undefined) throw new Error(`no ${service.name}/${method}`);
    return found as Handler;
  };
  const over = <T, I>(message: Message<T, I>, value: unknown): T => message.decode(message.encode(value as I));
  const metadataOf = (ref: string) => new Map([['buildkit-controlapi-buildid', [ref]]]);

  async function unary<Q, QI, R, RI>(
    [service, method]: readonly [{ readonly name: string }, string],
    [request, response]: readonly [Message<Q, QI>, Message<R, RI>],
    value: QI,
    call: Partial<ServerCall> = {},
  ): Promise<R> {
    const handler = handlerOf(service, method);
    return over(response, await handler(over(request, value), { metadata: new Map(), signal: never, ...call }));
  }
  async function* stream<Q, QI, R, RI>(
    [service, method]: readonly [{ readonly name: string }, string],
    [request, response]: readonly [Message<Q, QI>, Message<R, RI>],
    value: QI,
    signal: AbortSignal = never,
  ): AsyncGenerator<R> {
    const answers = handlerOf(service, method)(over(request, value), { metadata: new Map(), signal });
    for await (const answer of answers as AsyncIterable<unknown>) yield over(response, answer);
  }

  const { controlService: controls } = control;
  const { llbBridgeService: bridge } = gateway;
  return {
    solve: (
      request: Written<typeof control.solveRequest>,
      signal = never,
    ): Promise<Read<typeof control.solveResponse>> =>
      unary([controls, 'Solve'], [control.solveRequest, control.solveResponse], request, { signal }),
    status: (request: Written<typeof control.statusRequest>, signal = never) =>
      stream([controls, 'Status'], [control.statusRequest, control.statusResponse], request, signal),
    history: (request: Written<typeof control.buildHistoryRequest>, signal = never) =>
      stream(
        [controls, 'ListenBuildHistory'],
        [control.buildHistoryRequest, control.buildHistoryEvent],
        request,
        signal,
      ),
    updateHistory: (request: Written<typeof control.updateBuildHistoryRequest>) =>
      unary(
        [controls, 'UpdateBuildHistory'],
        [control.updateBuildHistoryRequest, control.updateBuildHistoryResponse],
        request,
      ),
    readBlob: (request: Written<typeof content.readContentRequest>) =>
      stream([content.contentService, 'Read'], [content.readContentRequest, content.readContentResponse], request),
    ping: (ref: string) =>
      unary([bridge, 'Ping'], [gateway.pingRequest, gateway.pongResponse], {}, { metadata: metadataOf(ref) }),
    bridgeSolve: (ref: string, request: Written<typeof gateway.solveRequest>) =>
      unary([bridge, 'Solve'], [gateway.solveRequest, gateway.solveResponse], request, { metadata: metadataOf(ref) }),
    return: (ref: string, request: Written<typeof gateway.returnRequest>) =>
      unary([bridge, 'Return'], [gateway.returnRequest, gateway.returnResponse], request, {
        metadata: metadataOf(ref),
      }),
  };
}
