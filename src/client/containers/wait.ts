import type { ContainerWaitResponse } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

/**
 * `POST /containers/{id}/wait`. Resolves when the engine has begun to wait (so that nothing started after it can be
 * missed), with a promise of the outcome.
 */
export async function waitForContainer(
  engine: EngineClient,
  container: string,
  condition: WaitCondition,
  signal?: AbortSignal,
): Promise<{ outcome: Promise<ContainerWaitResponse> }> {
  const path = `/containers/${segment(container)}/wait`;
  const { body } = await engine.send({ method: 'POST', path, query: { condition }, signal });
  const outcome = body.text().then((text) => JSON.parse(text) as ContainerWaitResponse);
  // Whoever never asks for the outcome is not told of its failure.
  outcome.catch(() => undefined);
  return { outcome };
}
