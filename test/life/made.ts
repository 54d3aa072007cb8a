import type { ContainerInspect } from '#api';
import { type TestEngine, until } from '../harness/index.ts';

interface Asked {
  readonly [key: string]: unknown;
}

/** Waits for SIGTERM; from the moment that /trapped exists it hears of it. */
const patientCommand = [
  'sh',
  '-c',
  'trap "exit 0" TERM; touch /trapped 2> /dev/null; echo ready; while :; do sleep 0.05; done',
];

/** Creates a container of busybox, by default one that waits for its end and hears of it; returns its id. */
export async function createContainer(engine: TestEngine, config: Asked = {}, name?: string): Promise<string> {
  const query = name === undefined ? '' : `?name=${name}`;
  const body = {
    Image: 'busybox',
    Cmd: patientCommand,
    ...config,
    HostConfig: { NetworkMode: 'none', ...(config.HostConfig as Asked | undefined) },
  };
  const response = await engine.request('POST', `/containers/create${query}`, body);
  const answer = (await response.json()) as { Id?: string; message?: string };
  if (answer.Id === undefined) throw new Error(`${response.status} ${answer.message}`);
  return answer.Id;
}

/** Status and message of a POST. */
export async function post(engine: TestEngine, path: string): Promise<{ status: number; message: string }> {
  const response = await engine.request('POST', path);
  const text = await response.text();
  return {
    status: response.status,
    message: text === '' ? '' : ((JSON.parse(text) as { message?: string }).message ?? text),
  };
}

/** Creates and starts a container; returns its id. */
export async function startContainer(engine: TestEngine, config: Asked = {}, name?: string): Promise<string> {
  const id = await createContainer(engine, config, name);
  const { status, message } = await post(engine, `/containers/${id}/start`);
  if (status !== 204) throw new Error(`${status} ${message}`);
  return id;
}

/** Resolves once a container with the default command hears signals. */
export async function ready(engine: TestEngine, id: string): Promise<void> {
  const said = async (): Promise<boolean> =>
    (await (await engine.request('GET', `/containers/${id}/logs?stdout=1`)).text()).includes('ready');
  await until(`${id} to be ready`, said, 20_000);
}

/** The whole of a container. */
export function inspect(engine: TestEngine, name: string): Promise<ContainerInspect> {
  return engine.get<ContainerInspect>(`/containers/${name}/json`);
}

/** Takes containers away, whatever they do. */
export async function removeAll(engine: TestEngine, ...names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => engine.request('DELETE', `/containers/${name}?force=1&v=1`)));
}
