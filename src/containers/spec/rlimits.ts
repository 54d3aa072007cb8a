import type { Ulimit } from '#api';
import type { OciRlimit } from '#oci';
import { fail } from '#std/errors';
import type { Limit } from './host.ts';
import { createFailed } from './runtime-words.ts';

/** getrlimit(2) numbers, which error texts name. */
const numbers: Readonly<Record<string, number>> = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
};

function limitOf(limit: number): number {
  return limit < 0 ? Number.POSITIVE_INFINITY : limit;
}

export interface LimitRequest {
  /** Asked for with the container: refused when they cannot be given. */
  readonly asked: readonly Ulimit[];
  /** The engine's defaults: lowered to what can be given. */
  readonly defaults: readonly Ulimit[];
  /** The engine's own limits. */
  readonly own: Readonly<Record<string, Limit>>;
  /** Whether the engine may raise limits (CAP_SYS_RESOURCE). */
  readonly canRaise: boolean;
}

/** Resource limits of a container's processes; throws `internal` in the runtime's words for what cannot be set. */
export function rlimitsOf({ asked, defaults, own, canRaise }: LimitRequest): OciRlimit[] {
  const limits = new Map<string, OciRlimit>();
  const bound = (type: string): number => (canRaise ? Number.POSITIVE_INFINITY : (own[type]?.hard ?? 0));
  for (const { Name, Soft, Hard } of defaults) {
    const type = `RLIMIT_${Name.toUpperCase()}`;
    const hard = Math.min(limitOf(Hard), bound(type));
    limits.set(type, { type, soft: Math.min(limitOf(Soft), hard), hard });
  }
  for (const { Name, Soft, Hard } of asked) {
    const type = `RLIMIT_${Name.toUpperCase()}`;
    const number = numbers[type];
    if (number === undefined) throw fail('internal', `${createFailed}wrong rlimit value: ${type}`);
    const [soft, hard] = [limitOf(Soft), limitOf(Hard)];
    const refused = soft > hard ? 'invalid argument' : hard > bound(type) ? 'operation not permitted' : undefined;
    if (refused !== undefined) {
      throw fail(
        'internal',
        `${createFailed}unable to start container process: error during container init: error setting rlimits for ready process: error setting rlimit type ${number}: ${refused}`,
      );
    }
    limits.set(type, { type, soft, hard });
  }
  return [...limits.values()];
}
