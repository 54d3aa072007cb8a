import { type Endpoint, json } from '../exchange.ts';
import type { BuildDoors } from './doors.ts';
import { upgraded, upgradeRefusal } from './upgrade.ts';

/** `POST /grpc`: the connection goes over to BuildKit's services. Docker says 500 to who asks otherwise. */
export function openGrpc(doors: Pick<BuildDoors, 'serveGrpc'>): Endpoint {
  return (call) => {
    const message = upgradeRefusal(call);
    return message === undefined ? upgraded(doors.serveGrpc) : json({ message }, 500);
  };
}
