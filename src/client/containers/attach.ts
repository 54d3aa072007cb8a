import type { EngineClient, HijackedStream } from '../transport/engine-client.ts';
import { segment } from '../transport/request.ts';

export interface AttachOptions {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly logs?: boolean;
  readonly detachKeys?: string | undefined;
}

/** `POST /containers/{id}/attach`: resolves when the engine has attached. */
export function attachContainer(
  engine: EngineClient,
  container: string,
  options: AttachOptions,
): Promise<HijackedStream> {
  const path = `/containers/${segment(container)}/attach`;
  return engine.hijack({ method: 'POST', path, query: { stream: true, ...options } });
}
