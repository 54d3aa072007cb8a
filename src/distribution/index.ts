export { RegistryError, unreachable } from './failure.ts';
export { openDistribution, registryDefaults } from './open.ts';
export { proxiesOfEnvironment } from './proxy.ts';
export type {
  BlobUpload,
  CredentialKeeper,
  Distribution,
  FetchedManifest,
  RegistryCredentials,
  RegistrySettings,
  Repository,
  SearchResult,
} from './types.ts';
