import type { ExecOperation, Vertex } from '#builder';
import { SolveError } from '#builder';
import { GrpcError } from '#grpc';
import { errorDetail } from '../control/errors.ts';
import { mountTypes, networks, securities, sharings } from '../llb/exec.ts';

function mountOf(mount: ExecOperation['mounts'][number]) {
  const { type, target, input, selector, isReadOnly, output, cache, secret, ssh } = mount;
  const asked = secret ?? ssh;
  const options = asked && {
    ID: asked.id,
    uid: asked.uid,
    gid: asked.gid,
    mode: asked.mode,
    optional: asked.isOptional,
  };
  return {
    input,
    selector,
    dest: target,
    output,
    readonly: isReadOnly,
    mountType: mountTypes.indexOf(type),
    ...(cache && { cacheOpt: { ID: cache.id, sharing: sharings.indexOf(cache.sharing) } }),
    ...(secret && { secretOpt: options }),
    ...(ssh && { SSHOpt: options }),
  };
}

/** A step as Go writes `pb.Op` in JSON. */
function opOf(operation: ExecOperation, { inputs, platform }: Vertex) {
  const { words, environment, directory, user, hostname, mounts, network, security, secretEnvironment } = operation;
  const { os, architecture, variant = '' } = platform;
  return {
    inputs: inputs.map(({ vertex, output }) => ({ digest: vertex.digest, index: output })),
    exec: {
      meta: { args: words, env: environment, cwd: directory, user, hostname },
      mounts: mounts.map(mountOf),
      network: networks.indexOf(network),
      security: securities.indexOf(security),
      secretenv: secretEnvironment.map(({ id, name, isOptional }) => ({ ID: id, name, optional: isOptional })),
    },
    platform: { OS: os, Architecture: architecture, Variant: variant },
  };
}

/** The step that an error is of, with its vertex; undefined when it is of none. */
export function failedStep(error: unknown): { readonly vertex: Vertex; readonly operation: ExecOperation } | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof SolveError)) continue;
    const { vertex } = cause;
    return vertex.operation.type === 'exec' ? { vertex, operation: vertex.operation } : undefined;
  }
  return undefined;
}

/** An error of a step with what a debugger opens a container of: the step, and the results that it began with, by their ids. */
export function withStep(
  { code, message, details }: GrpcError,
  { vertex, operation }: NonNullable<ReturnType<typeof failedStep>>,
  inputIDs: readonly string[],
): GrpcError {
  const mountIDs = operation.mounts.map(({ input }) => inputIDs[input] ?? '');
  const solve = errorDetail('Solve', { inputIDs, mountIDs, op: opOf(operation, vertex) });
  return new GrpcError(code, message, [solve, ...details]);
}
