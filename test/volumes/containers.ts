import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerInspect, HostConfig, MountPoint } from '#api';
import { busyboxTar } from '../harness/busybox.ts';
import { type TestEngine, until } from '../harness/index.ts';

/** What came of a container that was made, and run to its end. */
export interface Outcome {
  /** Of the creation, or of the start when that one was well: 204. */
  readonly status: number;
  /** Why it was refused. */
  readonly message: string;
  readonly output: string;
  readonly mounts: readonly MountPoint[];
  readonly warnings: readonly string[];
}

export interface RunRequest {
  readonly image?: string;
  readonly host?: Partial<HostConfig>;
  readonly volumes?: Record<string, object>;
  readonly script?: string;
  /** `/v1.43`; the newest when not said. */
  readonly version?: string;
}

/** The payload of a multiplexed stream, both streams in their order. */
export function unframe(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    text += bytes.toString('utf8', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return text.trim();
}

/** `POST /containers/create` for a shell script; `name` may be empty. */
export function createScript(engine: TestEngine, name: string, request: RunRequest): Promise<Response> {
  const { image = 'busybox', host = {}, volumes, script = 'true', version = '' } = request;
  const body = { Image: image, Cmd: ['sh', '-c', script], Volumes: volumes, HostConfig: host };
  return engine.request('POST', `${version}/containers/create${name === '' ? '' : `?name=${name}`}`, body);
}

/** Makes a container, runs it to its end, and removes it with its anonymous volumes. */
export async function runScript(engine: TestEngine, request: RunRequest): Promise<Outcome> {
  const made = await createScript(engine, '', request);
  const answer = (await made.json()) as { Id: string; message?: string; Warnings?: string[] };
  const refused = { output: '', mounts: [], warnings: [] };
  if (!made.ok) return { status: made.status, message: answer.message ?? '', ...refused };
  try {
    const { Mounts: mounts } = await engine.get<ContainerInspect>(`/containers/${answer.Id}/json`);
    const started = await engine.request('POST', `/containers/${answer.Id}/start`);
    const text = await started.text();
    const warnings = answer.Warnings ?? [];
    if (!started.ok) {
      const { message } = JSON.parse(text) as { message: string };
      return { status: started.status, message, output: '', mounts, warnings };
    }
    // The head of the answer comes at once, its body when the container has ended.
    await (await engine.request('POST', `/containers/${answer.Id}/wait`)).text();
    const logs = await engine.request('GET', `/containers/${answer.Id}/logs?stdout=1&stderr=1`);
    const output = unframe(Buffer.from(await logs.arrayBuffer()));
    return { status: started.status, message: '', output, mounts, warnings };
  } finally {
    await engine.request('DELETE', `/containers/${answer.Id}?force=1&v=1`);
  }
}

/** Imports an image of busybox with the tree that `fill` makes over it. */
export async function importImage(
  engine: TestEngine,
  reference: string,
  fill: (root: string) => void,
  changes: readonly string[] = [],
): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'estiba-image-'));
  try {
    const [tar, root] = [join(scratch, 'image.tar'), join(scratch, 'root')];
    cpSync(busyboxTar(), tar);
    mkdirSync(root);
    fill(root);
    const packed = Bun.spawnSync(['tar', '--numeric-owner', '-C', root, '-rf', tar, '.']);
    if (packed.exitCode !== 0) throw new Error(packed.stderr.toString());
    const [repo, tag] = reference.split(':');
    const query = new URLSearchParams([
      ['fromSrc', '-'],
      ['repo', repo ?? ''],
      ['tag', tag ?? 'latest'],
      ...changes.map((change): [string, string] => ['changes', change]),
    ]);
    const path = `http://estiba/images/create?${query}`;
    const response = await fetch(path, { unix: engine.socket, method: 'POST', body: Bun.file(tar) });
    const text = await response.text();
    if (!response.ok || text.includes('"error"')) throw new Error(`cannot import: ${text}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Waits until a container's log holds a text. */
export async function untilLogged(engine: TestEngine, name: string, text: string): Promise<void> {
  await until(`${name} to say ${text}`, async () => {
    const logs = await engine.request('GET', `/containers/${name}/logs?stdout=1&stderr=1`);
    return unframe(Buffer.from(await logs.arrayBuffer())).includes(text);
  });
}

export interface Answer {
  readonly status: number;
  /** Why it was refused. */
  readonly message: string;
}

/** One request, of whose answer only a refusal is of interest. */
export async function ask(engine: TestEngine, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await engine.request(method, path, body);
  const text = await response.text();
  return { status: response.status, message: response.ok ? '' : (JSON.parse(text) as { message: string }).message };
}
