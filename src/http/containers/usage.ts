import type { ContainerStats } from '#api';
import type { Containers } from '#containers';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json, stream } from '../exchange.ts';

async function* encode(samples: AsyncIterable<ContainerStats>): AsyncGenerator<string> {
  for await (const sample of samples) yield `${JSON.stringify(sample)}\n`;
}

/** `GET /containers/{name}/stats` */
export function containerStats(containers: Pick<Containers, 'stats' | 'followStats'>): Endpoint {
  return async ({ name, query, signal, version }) => {
    const isOneShot = version >= 41 && query.flag('one-shot');
    if (query.flag('stream', true)) {
      if (isOneShot) throw fail('invalid-argument', 'cannot have stream=true and one-shot=true');
      return stream('application/json', encode(containers.followStats(name, signal)));
    }
    return json(await containers.stats(name, { isAlone: isOneShot }));
  };
}

/** `GET /containers/{name}/top` */
export function containerTop(containers: Pick<Containers, 'top'>): Endpoint {
  return async ({ name, query, signal }) => json(await containers.top(name, query.text('ps_args'), signal));
}
