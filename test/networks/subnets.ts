import { randomInt } from 'node:crypto';

/**
 * A subnet of 256 addresses, left to chance so that no other test has it: `10.x.y`, to be completed. From 10.213.0.0 on they
 * are those of the tests beside the code of networks.
 */
export function freePrefix(): string {
  return `10.${randomInt(64, 213)}.${randomInt(0, 256)}`;
}
