import { fail, messageOf } from '#std/errors';

/** Credentials of a registry, as docker keeps them. */
export interface StoredCredentials {
  /** `user:password` in base64. */
  readonly auth?: string;
  readonly identitytoken?: string;
}

/** What the CLI takes from docker's `config.json`. */
export interface ConfigFile {
  readonly auths?: Readonly<Record<string, StoredCredentials>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly currentContext?: string;
  readonly detachKeys?: string;
  /** Sent with every request. */
  readonly HttpHeaders?: Readonly<Record<string, string>>;
  readonly psFormat?: string;
  readonly imagesFormat?: string;
  readonly networksFormat?: string;
  readonly volumesFormat?: string;
  readonly statsFormat?: string;
}

/** The folder of docker's client configuration. */
export function configFolder(option: string): string {
  return option || process.env.DOCKER_CONFIG || `${process.env.HOME ?? '/root'}/.docker`;
}

/** Where the configuration of a folder is. */
export function configPath(folder: string): string {
  return `${folder}/config.json`;
}

/**
 * Reads `config.json`; empty when there is none.
 * @throws `invalid-argument` when it is not JSON
 */
export async function readConfigFile(folder: string): Promise<ConfigFile> {
  const path = configPath(folder);
  const file = Bun.file(path);
  // To find a missing file so costs a stat, where to read it would start threads first.
  if (file.size === 0) return {};
  let text: string;
  try {
    text = await file.text();
  } catch {
    return {};
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch (error) {
    throw fail('invalid-argument', `Error loading config file: ${path}: ${messageOf(error)}`, error);
  }
}
