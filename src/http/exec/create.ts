import type { ExecCreateRequest } from '#api';
import type { Containers } from '#containers';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { readJson } from '../json/body.ts';
import { boolean, decodeAs, integer, list, object, string } from '../json/schema.ts';

const execOptions = object('container.ExecOptions', {
  User: string,
  Privileged: boolean,
  Tty: boolean,
  ConsoleSize: list(integer('uint'), undefined, 2),
  AttachStdin: boolean,
  AttachStderr: boolean,
  AttachStdout: boolean,
  DetachKeys: string,
  Env: list(string),
  WorkingDir: string,
  Cmd: list(string),
});

/** `POST /containers/{name}/exec` */
export function createExec(containers: Pick<Containers, 'execCreate'>): Endpoint {
  return async (call) => {
    const request = decodeAs<ExecCreateRequest>(await readJson(call), execOptions, 'ExecOptions');
    if ((request.Cmd ?? []).length === 0) throw fail('invalid-argument', 'No exec command specified');
    if (call.version < 42) delete request.ConsoleSize;
    return json(containers.execCreate(call.name, request), 201);
  };
}
