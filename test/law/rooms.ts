/**
 * The law of imports: what each room may import. Arrows go down only (docs/architecture.md).
 * Whatever a room may import it also may import the types of; there is no other way in than a room's index.ts,
 * save for `std` and `linux`, which are entered by file.
 */
const ground = ['keeper', 'porter', 'plugins', 'store', 'distribution', 'oci', 'linux', 'api', 'std'];
const wire = ['filesync', 'build-api', 'grpc'];
const features = ['containers', 'images', 'networks', 'volumes', 'events'];

export const rooms: Readonly<Record<string, readonly string[]>> = {
  cmd: ['cli', 'client', 'http', 'buildkit', 'builder', 'registry', ...wire, ...features, ...ground],
  cli: ['client', ...wire, 'dockerfile', 'oci', 'api', 'std'],
  client: ['api', 'std'],
  http: ['builder', ...features, 'api', 'linux', 'std'],
  buildkit: ['builder', ...wire, 'dockerfile', 'distribution', 'oci', 'store', 'linux', 'api', 'std'],
  builder: ['containers', 'images', 'networks', 'volumes', 'events', 'filesync', 'dockerfile', ...ground],
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
  filesync: ['build-api', 'grpc', 'store', 'dockerfile', 'oci', 'linux', 'std'],
  'build-api': ['grpc', 'std'],
  grpc: ['std'],
  oci: ['api', 'std'],
  linux: ['std'],
  api: [],
  std: [],
};

/** Rooms that are entered by file: a collection of small things with no face of their own. */
export const enteredByFile: readonly string[] = ['std', 'linux'];

/** Packages of npm, each with the rooms that may import it. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  'protobufjs/minimal.js': ['grpc'],
};
