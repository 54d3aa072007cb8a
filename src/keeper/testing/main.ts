import { runKeeper } from '../process/index.ts';

/** Entry of a keeper for tests; its arguments are its exec root and its edition. */
await runKeeper({ execRoot: process.argv[2] ?? '', edition: process.argv[3] ?? '' });
process.exit(0);
