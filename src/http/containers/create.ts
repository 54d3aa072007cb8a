import type { ContainerCreateRequest, Mount } from '#api';
import type { Containers } from '#containers';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { readJson } from '../json/body.ts';
import { decodeAs } from '../json/schema.ts';
import { configFields, createRequest } from './create-schema.ts';

/** Fills in what a request of an older version means by leaving a field out. */
function asOfVersion(request: ContainerCreateRequest, version: number): ContainerCreateRequest {
  const host = { ...request.HostConfig };
  if (version < 40 && !host.IpcMode) host.IpcMode = 'shareable';
  if (version < 41 && !host.CgroupnsMode) host.CgroupnsMode = 'host';
  if (version < 43) delete host.Annotations;
  if (version < 42) {
    // The console's size came later than its field; older clients send what the engine once answered.
    delete host.ConsoleSize;
  }
  if (host.Mounts != null) host.Mounts = mountsAsOfVersion(host.Mounts, version);
  const healthcheck = request.Healthcheck === undefined ? undefined : { ...request.Healthcheck };
  if (version < 44 && healthcheck !== undefined) delete healthcheck.StartInterval;
  return { ...request, HostConfig: host, ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }) };
}

/** What a null in the list stands for; its type is refused. */
const emptyMount = { Type: '', Target: '' } as unknown as Mount;

/** What older versions do not know of mounts: what changes how a container behaves is refused, the rest left out. */
function mountsAsOfVersion(mounts: readonly Mount[], version: number): Mount[] {
  const refuse = (what: string, since: number): Error =>
    fail('invalid-argument', `${what} needs API v1.${since} or newer`);
  return mounts.map((given: Mount | null) => {
    const mount = given ?? emptyMount;
    const { Type, BindOptions, VolumeOptions } = mount;
    if (version < 44 && BindOptions?.ReadOnlyForceRecursive) throw refuse('BindOptions.ReadOnlyForceRecursive', 44);
    if (version < 45 && VolumeOptions?.Subpath) throw refuse('VolumeOptions.Subpath', 45);
    if (version < 48 && Type === 'image') throw refuse('Mount type "Image"', 48);
    if (BindOptions == null) return mount;
    const bind = { ...BindOptions };
    if (version < 40) delete bind.NonRecursive;
    if (version < 42) delete bind.CreateMountpoint;
    if (version < 44) delete bind.ReadOnlyNonRecursive;
    return { ...mount, BindOptions: bind };
  });
}

/** `POST /containers/create` */
export function createContainer(containers: Pick<Containers, 'create'>): Endpoint {
  return async (call) => {
    const body = await readJson(call);
    if (body === undefined) throw fail('invalid-argument', 'invalid JSON: got EOF while reading request body');
    const request = decodeAs<ContainerCreateRequest>(body, createRequest, '');
    if (!Object.keys(request).some((key) => Object.hasOwn(configFields, key))) {
      throw fail('invalid-argument', 'config cannot be empty in order to create a container');
    }
    const name = call.query.text('name');
    const platform = call.query.text('platform');
    return json(
      await containers.create(name, asOfVersion(request, call.version), platform, {
        shallowReadOnly: call.version < 44,
      }),
      201,
    );
  };
}
