import { lazy } from '#std/lazy';

/**
 * `node:fs` when it is first used, and not at start-up: loading it costs 3 ms, and `run --rm busybox true` needs nothing
 * of it.
 */
export const fileSystem = lazy(() => process.getBuiltinModule('node:fs'));

/** `node:path`, in the same way. */
export const paths = lazy(() => process.getBuiltinModule('node:path'));
