import type { ImageInspect, ImageSummary } from '#api';
import type { Images } from '#images';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { acceptedFilters } from '../filters.ts';

function summaryAsOf(image: ImageSummary, version: number): object {
  return {
    ...image,
    ...(version < 51 ? { Containers: -1 } : {}),
    ...(version < 44 ? { VirtualSize: image.Size } : {}),
    ...(version < 43 && image.RepoDigests?.length === 0 ? { RepoDigests: null } : {}),
    ...(version < 43 && image.RepoTags?.length === 0 ? { RepoTags: null } : {}),
  };
}

/** `GET /images/json` */
export function listImages(images: Pick<Images, 'list'>): Endpoint {
  return ({ query, version }) => {
    const rows = images.list({
      all: query.flag('all'),
      filters: query.filters(acceptedFilters.images),
      digests: query.flag('digests'),
    });
    return json(version < 51 ? rows.map((row) => summaryAsOf(row, version)) : rows);
  };
}

/** What a configuration without content was spelled like, before images had one of their own. */
const emptyContainerConfig = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

function inspectAsOf(image: ImageInspect, version: number): object {
  return {
    ...image,
    ...(version < 50 && image.Config !== null ? { Config: { ...emptyContainerConfig, ...image.Config } } : {}),
    ...(version < 45 ? { ContainerConfig: emptyContainerConfig } : {}),
    ...(version < 44 ? { VirtualSize: image.Size } : {}),
  };
}

/** `GET /images/{name}/json` */
export function inspectImage(images: Pick<Images, 'inspect'>): Endpoint {
  return ({ name, version }) => {
    const image = images.inspect(name);
    return json(version < 50 ? inspectAsOf(image, version) : image);
  };
}

/** `GET /images/{name}/history` */
export function imageHistory(images: Pick<Images, 'history'>): Endpoint {
  return ({ name }) => json(images.history(name));
}
