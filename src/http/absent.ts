import { fail } from '#std/errors';
import type { Endpoint } from './exchange.ts';
import { json } from './exchange.ts';
import type { Route } from './router.ts';

/** Answers as a Docker Engine does that is in no swarm. */
const noManager: Endpoint = () => {
  throw fail(
    'unavailable',
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
};

const leave: Endpoint = () => {
  throw fail('unavailable', 'This node is not part of a swarm');
};

/** What lists, makes and changes the things of a swarm: the same five endpoints for each kind. */
function things(kind: string): Route[] {
  return [
    ['GET', `/${kind}`, noManager],
    ['POST', `/${kind}/create`, noManager],
    ['GET', `/${kind}/{name}`, noManager],
    ['DELETE', `/${kind}/{name}`, noManager],
    ['POST', `/${kind}/{name}/update`, noManager],
  ];
}

/** The endpoints of a swarm's nodes and managers. */
export const swarm: readonly Route[] = [
  ['GET', '/swarm', noManager],
  ['POST', '/swarm/leave', leave],
  ['POST', '/swarm/update', noManager],
  ['POST', '/swarm/unlock', noManager],
  ['GET', '/swarm/unlockkey', noManager],
  ...things('services'),
  ['GET', '/services/{name}/logs', noManager],
  ...things('secrets'),
  ...things('configs'),
  ['GET', '/nodes', noManager],
  ['GET', '/nodes/{name}', noManager],
  ['DELETE', '/nodes/{name}', noManager],
  ['POST', '/nodes/{name}/update', noManager],
  ['GET', '/tasks', noManager],
  ['GET', '/tasks/{name}', noManager],
  ['GET', '/tasks/{name}/logs', noManager],
];

const noPlugin: Endpoint = ({ name }) => {
  throw fail('not-found', `plugin ${JSON.stringify(name)} not found`);
};

/** Managed plugins: there are none, so every name is unknown. */
export const plugins: readonly Route[] = [
  ['GET', '/plugins', () => json([])],
  ['GET', '/plugins/{name}/json', noPlugin],
  ['DELETE', '/plugins/{name}', noPlugin],
  ...['enable', 'disable', 'upgrade', 'push', 'set'].map(
    (verb): Route => ['POST', `/plugins/{name}/${verb}`, noPlugin],
  ),
];

const experimental: Endpoint = () => {
  throw fail(
    'not-implemented',
    'This experimental feature is disabled by default. Start the Docker daemon in experimental mode in order to enable it.',
  );
};

/** Checkpoints, which Docker has in its experimental mode alone. */
export const checkpoints: readonly Route[] = [
  ['GET', '/containers/{name}/checkpoints', experimental],
  ['POST', '/containers/{name}/checkpoints', experimental],
  ['DELETE', '/containers/{name}/checkpoints/{checkpoint}', experimental],
];
