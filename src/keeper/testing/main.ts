import { runKeeper } from '../process/index.ts';

/** Entry of a keeper for tests; its exec root is the one argument. */
await runKeeper({ execRoot: process.argv[2] ?? '' });
process.exit(0);
