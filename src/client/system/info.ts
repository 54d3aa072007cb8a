import type { EngineClient } from '../transport/engine-client.ts';

/** `GET /info`, as the engine words it: a description for people and templates, not a contract between rooms. */
export function engineInfo(engine: EngineClient): Promise<Record<string, unknown>> {
  return engine.json({ method: 'GET', path: '/info' });
}
