import type { EngineClient } from '../transport/engine-client.ts';
import { isMultiplexed } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';
import type { ResponseBody } from '../transport/response-body.ts';
import { inspectContainer } from './inspect.ts';

export interface LogsOptions {
  readonly follow?: boolean;
  /** Unix seconds with an optional fraction, as text. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly timestamps?: boolean;
  readonly details?: boolean;
  /** A number of lines, or `all`. */
  readonly tail?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** First API version whose answers say by content type whether they are cut into frames. */
const framesByTypeSince = 42;

/** `GET /containers/{id}/logs`, standard output and error. */
export async function containerLogs(
  engine: EngineClient,
  container: string,
  options: LogsOptions = {},
): Promise<{ body: ResponseBody; multiplexed: boolean }> {
  const { signal, ...query } = options;
  const path = `/containers/${segment(container)}/logs`;
  const minor = Number(engine.options.version?.split('.')[1] ?? framesByTypeSince);
  const tty = minor < framesByTypeSince && (await inspectContainer(engine, container)).Config.Tty;
  const { head, body } = await engine.send({
    method: 'GET',
    path,
    query: { stdout: true, stderr: true, ...query },
    signal,
  });
  return { body, multiplexed: minor < framesByTypeSince ? !tty : isMultiplexed(head) };
}
