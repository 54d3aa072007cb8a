import type { ContainerConfig } from '#api';
import type { Containers } from '#containers';
import { configFields } from '../containers/create-schema.ts';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { readJson } from '../json/body.ts';
import { decodeAs, object } from '../json/schema.ts';

const config = object('container.Config', configFields);

/** `POST /commit` */
export function commitContainer(containers: Pick<Containers, 'commit'>): Endpoint {
  return async (call) => {
    const { query } = call;
    const body = await readJson(call);
    const repository = query.text('repo');
    const tag = query.text('tag');
    const id = await containers.commit(query.text('container') ?? '', {
      ...(repository === undefined ? {} : { repository }),
      ...(tag === undefined ? {} : { tag }),
      author: query.text('author') ?? '',
      comment: query.text('comment') ?? '',
      pause: query.flag('pause', true),
      changes: query.all('changes'),
      ...(body === undefined || body === null ? {} : { config: decodeAs<Partial<ContainerConfig>>(body, config, '') }),
    });
    return json({ Id: id }, 201);
  };
}
