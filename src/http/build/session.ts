import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import type { BuildDoors } from './doors.ts';
import { upgraded, upgradeRefusal } from './upgrade.ts';

const prefix = 'x-docker-expose-session-';

/** `POST /session`: the connection goes over to the engine, which asks the client for what a build needs. */
export function openSession(doors: Pick<BuildDoors, 'openSession'>): Endpoint {
  return async (call) => {
    const header = (name: string): string => call.headers.get(`${prefix}${name}`) ?? '';
    const methods = header('grpc-method').split(',');
    const take = await doors.openSession({
      id: header('uuid'),
      name: header('name'),
      sharedKey: header('sharedkey'),
      methods: methods.map((method) => method.trim()).filter((method) => method !== ''),
    });
    const message = upgradeRefusal(call);
    if (message !== undefined) throw fail('invalid-argument', message);
    return upgraded(take);
  };
}
