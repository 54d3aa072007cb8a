import { gateway } from '#build-api';
import { type Implementation, implement, type ServerCall } from '#grpc';
import { fail } from '#std/errors';
import type { Builds } from '../control/builds.ts';
import { callError } from '../control/errors.ts';
import type { Bridge } from './bridge.ts';
import { serveProcesses } from './processes.ts';

/** The header that says which build a call is of. */
const buildHeader = 'buildkit-controlapi-buildid';

/** The gateway of all builds: each call is passed to that of its build. */
export function gatewayService(builds: Builds): Implementation {
  async function bridgeOf({ metadata, signal }: ServerCall): Promise<Bridge> {
    const ref = metadata.get(buildHeader)?.[0];
    if (ref === undefined || ref === '') throw fail('invalid-argument', 'no buildid found in context');
    const build = await builds.wait(ref, signal);
    if (build === undefined) throw fail('not-found', `no such job ${ref}`);
    return await build.bridge;
  }

  async function passed<T>(call: ServerCall, act: (bridge: Bridge) => T | Promise<T>): Promise<T> {
    try {
      return await act(await bridgeOf(call));
    } catch (error) {
      throw callError(error, call.signal);
    }
  }

  return implement(gateway.llbBridgeService, {
    Ping: (_, call) => passed(call, (bridge) => bridge.ping()),
    Solve: (request, call) => passed(call, (bridge) => bridge.solve(request, call.signal)),
    ResolveImageConfig: (request, call) => passed(call, (bridge) => bridge.resolveImageConfig(request)),
    ResolveSourceMeta: (request, call) => passed(call, (bridge) => bridge.resolveSource(request)),
    ReadFile: (request, call) => passed(call, (bridge) => bridge.readFile(request)),
    ReadDir: (request, call) => passed(call, (bridge) => bridge.readDirectory(request)),
    StatFile: (request, call) => passed(call, (bridge) => bridge.statFile(request)),
    Evaluate: (request, call) => passed(call, (bridge) => bridge.evaluate(request)),
    Inputs: (_, call) => passed(call, (bridge) => bridge.inputs()),
    Return: (request, call) => passed(call, (bridge) => bridge.return(request)),
    NewContainer: (request, call) => passed(call, (bridge) => bridge.newContainer(request)),
    ReleaseContainer: (request, call) => passed(call, (bridge) => bridge.containers.release(request)),
    ExecProcess: (stream, call) => passed(call, (bridge) => serveProcesses(bridge.containers, stream, call.signal)),
    Warn: (request, call) => passed(call, (bridge) => bridge.warn(request)),
  });
}
