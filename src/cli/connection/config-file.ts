import { fail, messageOf } from '#std/errors';

/** What the CLI takes from docker's `config.json`. */
export interface ConfigFile {
  readonly currentContext?: string;
  readonly detachKeys?: string;
  readonly psFormat?: string;
  readonly imagesFormat?: string;
  readonly networksFormat?: string;
  readonly volumesFormat?: string;
}

/** The folder of docker's client configuration. */
export function configFolder(option: string): string {
  return option || process.env.DOCKER_CONFIG || `${process.env.HOME ?? '/root'}/.docker`;
}

/**
 * Reads `config.json`; empty when there is none.
 * @throws `invalid-argument` when it is not JSON
 */
export async function readConfigFile(folder: string): Promise<ConfigFile> {
  const path = `${folder}/config.json`;
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
    return JSON.parse(text) as ConfigFile;
  } catch (error) {
    throw fail('invalid-argument', `Error loading config file: ${path}: ${messageOf(error)}`, error);
  }
}
