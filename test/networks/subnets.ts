import { randomInt } from 'node:crypto';

/** A subnet of 256 addresses that no other test has taken by then: `10.x.y`, to be completed. */
export function freePrefix(): string {
  return `10.${randomInt(64, 240)}.${randomInt(0, 255)}`;
}
