import type { EngineClient } from '../transport/engine-client.ts';

export interface CommitOptions {
  readonly repo?: string | undefined;
  readonly tag?: string | undefined;
  readonly comment?: string | undefined;
  readonly author?: string | undefined;
  readonly pause: boolean;
  /** Instructions of a Dockerfile, applied to the image's configuration. */
  readonly changes?: readonly string[];
}

/** `POST /commit`: an image of a container's file system. Gives the image's ID. */
export async function commitContainer(
  engine: EngineClient,
  container: string,
  options: CommitOptions,
): Promise<string> {
  const { pause, ...rest } = options;
  const query = { container, ...rest, pause: pause ? '1' : '0' };
  const { Id } = await engine.json<{ Id: string }>({ method: 'POST', path: '/commit', query, body: {} });
  return Id;
}
