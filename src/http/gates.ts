/** What a version of the API changed in one shape: clients of the versions before it get, or mean, the shape as it was. */
export interface Gate<T> {
  /** The first minor version that has the new shape. */
  readonly since: number;
  /** The shape as it was before; must not change what it is given. */
  before(shape: T): object;
}

/** A shape as a version of the API knows it: what every later version changed is taken back, the newest first. */
export function asOf<T extends object>(shape: T, version: number, gates: readonly Gate<T>[]): object {
  let seen: object = shape;
  for (const { since, before } of gates) if (version < since) seen = before(seen as T);
  return seen;
}
