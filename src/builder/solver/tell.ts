import { fail, kindOf, messageOf } from '#std/errors';
import type { Node } from './node.ts';
import { presentTime } from './report.ts';
import { SolveError } from './solve-error.ts';
import type { StepRun } from './types.ts';

/** The error of a vertex in BuildKit's words; what was given up is no error of a vertex. */
export function vertexError(node: Node, error: unknown, prefix = ''): Error {
  if (error instanceof SolveError) return error;
  if (kindOf(error) === 'cancelled') return fail('cancelled', 'context canceled', error);
  return new SolveError(node.vertex, error, `${prefix}${messageOf(error)}`);
}

/** Tells that a vertex failed, and gives the error to throw. `prefix` is for the build, and not for the vertex. */
export function tellFailure(node: Node, error: unknown, prefix = ''): Error {
  const thrown = vertexError(node, error, prefix);
  const told = thrown instanceof SolveError ? messageOf(error) : thrown.message;
  node.report.take({ kind: 'completed', at: presentTime(), error: told });
  return thrown;
}

/** Does a part of a vertex's work under its name. */
export async function tellWork<T>(
  node: Node,
  work: () => Promise<T>,
  { prefix = '', isCached = false }: { prefix?: string; isCached?: boolean },
): Promise<T> {
  node.report.take({ kind: 'started', at: presentTime() });
  try {
    const result = await work();
    node.report.take({ kind: 'completed', at: presentTime(), isCached });
    return result;
  } catch (error) {
    throw tellFailure(node, error, prefix);
  }
}

/** What a source is told of its build. */
export function sourceRun(
  { vertex, report, context }: Pick<Node, 'vertex' | 'report' | 'context'>,
  signal: AbortSignal,
): StepRun {
  const starts = new Map<string, string>();
  return {
    context: { ...context, signal },
    vertexDigest: vertex.digest,
    inputs: [],
    signal,
    onLog: (stream, data) => report.take({ kind: 'log', at: presentTime(), stream, data }),
    onStatus: ({ id, isDone, ...status }) => {
      const at = presentTime();
      const startedAt = starts.get(id) ?? at;
      starts.set(id, startedAt);
      report.take({ kind: 'status', at, id, startedAt, ...status, ...(isDone && { completedAt: at }) });
    },
  };
}
