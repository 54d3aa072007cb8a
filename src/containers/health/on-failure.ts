import { messageOf } from '#std/errors';
import { log } from '#std/log';
import type { ContainerRecord } from '../record.ts';
import type { RestartByHand } from '../restart/by-hand.ts';
import type { Terminator } from '../stop/terminate.ts';

/** What can be done with a container that has become unhealthy: `Healthcheck.OnFailure`. */
export const failureActions = ['none', 'kill', 'restart', 'stop'] as const;

/** Does it. */
export function createFailureAction(
  terminator: Terminator,
  restartByHand: RestartByHand,
): (record: ContainerRecord) => void {
  return ({ id, config }) => {
    const actions: Readonly<Record<string, () => Promise<void>>> = {
      // As if it had ended by itself: its restart policy says what comes then.
      kill: () => terminator.killUnhealthy(id),
      restart: () => restartByHand(id, {}, 'health'),
      stop: () => terminator.stop(id, {}, 'health'),
    };
    const action = config.Healthcheck?.OnFailure ?? 'none';
    actions[action]?.().catch((error: unknown) => {
      log('warn', 'an unhealthy container could not be dealt with', { container: id, action, error: messageOf(error) });
    });
  };
}
