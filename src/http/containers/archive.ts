import type { Containers } from '#containers';
import { fail } from '#std/errors';
import type { Call, Endpoint } from '../exchange.ts';
import { empty } from '../exchange.ts';

/** The `path` of the query, which must be there. */
function pathOf({ query }: Call): string {
  const path = query.text('path');
  if (path === undefined) throw fail('invalid-argument', 'bad parameter: pathcannot be empty');
  return path;
}

function statHeaders(stat: object): Record<string, string> {
  return { 'X-Docker-Container-Path-Stat': Buffer.from(JSON.stringify(stat)).toString('base64') };
}

/** `HEAD /containers/{name}/archive` */
export function statContainerPath(containers: Pick<Containers, 'statPath'>): Endpoint {
  return async (call) => {
    const stat = await containers.statPath(call.name, pathOf(call));
    return { status: 200, headers: statHeaders(stat) };
  };
}

/** `GET /containers/{name}/archive` */
export function getContainerArchive(containers: Pick<Containers, 'getArchive'>): Endpoint {
  return async (call) => {
    const { stat, content } = await containers.getArchive(call.name, pathOf(call));
    return { status: 200, headers: { 'Content-Type': 'application/x-tar', ...statHeaders(stat) }, body: content };
  };
}

/** `PUT /containers/{name}/archive` */
export function putContainerArchive(containers: Pick<Containers, 'putArchive'>): Endpoint {
  return async (call) => {
    const options = {
      noOverwriteDirNonDir: call.query.flag('noOverwriteDirNonDir'),
      copyUidGid: call.query.flag('copyUIDGID'),
    };
    await containers.putArchive(call.name, pathOf(call), options, call.body);
    return empty(200);
  };
}

/** `GET /containers/{name}/export` */
export function exportContainer(containers: Pick<Containers, 'export'>): Endpoint {
  return async ({ name }) => ({
    status: 200,
    headers: { 'Content-Type': 'application/octet-stream' },
    body: await containers.export(name),
  });
}

/** `GET /containers/{name}/changes` */
export function containerChanges(containers: Pick<Containers, 'changes'>): Endpoint {
  return async ({ name }) => {
    const headers = { 'Content-Type': 'application/json' };
    return { status: 200, headers, body: await containers.changes(name) };
  };
}
