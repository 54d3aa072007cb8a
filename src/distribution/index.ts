export type {
  BlobUpload,
  Distribution,
  FetchedManifest,
  RegistryCredentials,
  RegistrySettings,
  Repository,
  SearchResult,
} from './types.ts';
