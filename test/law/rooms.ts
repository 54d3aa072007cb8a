/**
 * The law of imports: what each room may import. Arrows go down only (docs/architecture.md).
 * Whatever a room may import it also may import the types of; there is no other way in than a room's index.ts,
 * save for `std` and `linux`, which are entered by file.
 */
const ground = ['keeper', 'porter', 'plugins', 'store', 'distribution', 'oci', 'linux', 'api', 'std'];
const features = ['containers', 'images', 'networks', 'volumes', 'events'];

export const rooms: Readonly<Record<string, readonly string[]>> = {
  cmd: ['cli', 'client', 'http', 'registry', ...features, ...ground],
  cli: ['client', 'oci', 'api', 'std'],
  client: ['api', 'std'],
  http: [...features, 'api', 'linux', 'std'],
  containers: ['images', 'networks', 'volumes', 'events', ...ground],
  images: ['events', ...ground],
  networks: ['events', ...ground],
  volumes: ['events', ...ground],
  events: ground,
  registry: ['store', 'distribution', 'oci', 'linux', 'std'],
  keeper: ['linux', 'std'],
  porter: ['store', 'oci', 'linux', 'std'],
  store: ['oci', 'linux', 'std'],
  plugins: ['linux', 'std'],
  distribution: ['oci', 'std'],
  dockerfile: ['oci', 'std'],
  oci: ['api', 'std'],
  linux: ['std'],
  api: [],
  std: [],
};

/** Rooms that are entered by file: a collection of small things with no face of their own. */
export const enteredByFile: readonly string[] = ['std', 'linux'];
