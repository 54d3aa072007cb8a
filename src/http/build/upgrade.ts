import type { ApiResponse, Call } from '../exchange.ts';
import type { TakeConnection } from './doors.ts';

const protocol = 'h2c';

/** Why a request is not upgraded to HTTP/2, in Docker's words; undefined when it is. */
export function upgradeRefusal(call: Call): string | undefined {
  const asked = call.headers.get('upgrade') ?? '';
  if (asked === '') return 'no upgrade proto in request';
  return asked === protocol ? undefined : `protocol ${asked} not supported`;
}

/** The answer after which the connection speaks HTTP/2: with these headers and no others, as Docker has it. */
export function upgraded(take: TakeConnection): ApiResponse {
  return { status: 101, headers: { Connection: 'Upgrade', Upgrade: protocol }, upgrade: take };
}
