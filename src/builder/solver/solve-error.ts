import { EstibaError, kindOf, messageOf } from '#std/errors';
import type { Vertex } from '../graph/vertex.ts';

/** What a vertex failed of: its message is BuildKit's, its vertex says which lines of the Dockerfile it is about. */
export class SolveError extends EstibaError {
  constructor(
    readonly vertex: Vertex,
    cause: unknown,
    message = messageOf(cause),
  ) {
    super(kindOf(cause), message, { cause });
  }
}
