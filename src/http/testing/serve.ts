import { createApi } from '../api.ts';
import { memoryFeatures } from './features.ts';

/** Serves the API over features in memory, to try real clients on: `bun src/http/testing/serve.ts unix:///path`. */
const listener = await createApi(memoryFeatures()).listen(Bun.argv[2] ?? 'unix:///run/estiba-http.sock');
process.on('SIGTERM', () => listener.close().then(() => process.exit(0)));
