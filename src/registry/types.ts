/** Where a registry listens, and what it keeps its content under. */
export interface RegistryOptions {
  /** `HOST:PORT`; port 0 takes a free one. */
  readonly listen: string;
  /** Everything that it stores lies below this directory. */
  readonly root: string;
}
