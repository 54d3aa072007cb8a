import type { ContainerStats } from '#api';
import { jsonLines } from '../streams/json-lines.ts';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

/** `GET /containers/{id}/stats`: one sample a second with `stream`, else one. */
export async function containerStats(
  engine: EngineClient,
  container: string,
  options: { stream: boolean; signal?: AbortSignal | undefined },
): Promise<AsyncIterable<ContainerStats>> {
  const { body } = await engine.send({
    method: 'GET',
    path: `/containers/${segment(container)}/stats`,
    query: { stream: options.stream ? '1' : '0' },
    signal: options.signal,
  });
  return jsonLines(body);
}
