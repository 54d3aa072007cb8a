import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail } from '#std/errors';
import type { StepRun } from '../solver/types.ts';
import type { GitAccess } from './git-command.ts';

type Attributes = Readonly<Record<string, string>>;

async function secretOf(names: readonly string[], { context, signal }: StepRun): Promise<string | undefined> {
  for (const name of names) {
    for (const session of context.sessions) {
      const secret = await session.secret(name, signal);
      if (secret !== undefined) return Buffer.from(secret).toString().trim();
    }
  }
  return undefined;
}

/** What authorizes over HTTP: a header's value, or a token; of the repository's host first. */
async function authorization(remote: string, attributes: Attributes, run: StepRun): Promise<string | undefined> {
  if (!/^https?:\/\//.test(remote)) return undefined;
  const { host } = new URL(remote);
  const named = (name: string | undefined): string[] =>
    name === undefined || name === '' ? [] : [`${name}.${host}`, name];
  const header = await secretOf(named(attributes['git.authheadersecret']), run);
  if (header !== undefined) return header;
  const token = await secretOf(named(attributes['git.authtokensecret']), run);
  return token === undefined ? undefined : `basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
}

/** A socket in a directory of its own, behind which a client's agent is. */
async function openAgent(
  directory: string,
  id: string,
  { context }: StepRun,
): Promise<{ path: string; close(): void }> {
  let owner: (typeof context.sessions)[number] | undefined;
  for (const session of context.sessions) if (owner === undefined && (await session.hasAgent(id))) owner = session;
  if (owner === undefined) throw fail('not-found', `unset ssh forward key ${id}`);
  const session = owner;
  const path = join(directory, 'agent');
  const server = createServer((socket) => {
    session.connectAgent(id).then(
      (agent) => {
        socket.on('error', () => agent.destroy());
        agent.on('error', () => socket.destroy());
        socket.pipe(agent).pipe(socket);
      },
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  return { path, close: () => void server.close() };
}

function sshCommand(directory: string, knownHosts: string | undefined): string {
  const options = ['ssh', '-F', '/dev/null'];
  if (knownHosts === undefined || knownHosts === '') {
    return [...options, '-o', 'UserKnownHostsFile=/dev/null', '-o', 'StrictHostKeyChecking=no'].join(' ');
  }
  const file = join(directory, 'known-hosts');
  writeFileSync(file, knownHosts, { mode: 0o600 });
  return [...options, '-o', `UserKnownHostsFile=${file}`].join(' ');
}

/** Has git reach a repository with what the client offers for it, as long as `work` goes on. */
export async function withAccess<T>(
  remote: string,
  attributes: Attributes,
  run: StepRun,
  work: (access: GitAccess) => Promise<T>,
): Promise<T> {
  const settings: [string, string][] = [];
  const header = await authorization(remote, attributes, run);
  if (header !== undefined) {
    settings.push([`http.${new URL(remote).origin}/.extraHeader`, `Authorization: ${header}`]);
  }
  const agentId = attributes['git.mountsshsock'];
  if (agentId === undefined || agentId === '') return work({ settings, environment: {} });
  const directory = mkdtempSync(join(tmpdir(), 'estiba-git-'));
  let agent: Awaited<ReturnType<typeof openAgent>> | undefined;
  try {
    agent = await openAgent(directory, agentId, run);
    const command = sshCommand(directory, attributes['git.knownsshhosts']);
    return await work({ settings, environment: { SSH_AUTH_SOCK: agent.path, GIT_SSH_COMMAND: command } });
  } finally {
    agent?.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
