import type { ContainerConfig } from '#api';
import { fail } from '#std/errors';
import { isDigest } from './digest.ts';

/** One step of how an image came to be (OCI image specification, config, `history`). */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** An image's configuration file (OCI image specification, config), with the fields that Docker adds. */
export interface ImageConfigFile {
  readonly created?: string;
  readonly author?: string;
  readonly architecture?: string;
  readonly variant?: string;
  readonly os?: string;
  readonly config?: Partial<ContainerConfig> | null;
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
  readonly history?: readonly HistoryEntry[];
  readonly comment?: string;
  readonly docker_version?: string;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses JSON bytes; throws `invalid-argument` naming `what` they were to be. */
export function parseJson(content: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
  } catch (error) {
    throw fail('invalid-argument', `invalid ${what}: not JSON`, error);
  }
}

/** Parses JSON bytes into an object; throws `invalid-argument` naming `what` it was to be. */
export function parseJsonObject(content: Uint8Array, what: string): Record<string, unknown> {
  const value = parseJson(content, what);
  if (!isObject(value)) throw fail('invalid-argument', `invalid ${what}: not a JSON object`);
  return value;
}

const textFields = ['created', 'author', 'architecture', 'variant', 'os', 'comment', 'docker_version'];

/** Parses and checks an image's configuration; unknown fields are let be. */
export function parseImageConfig(content: Uint8Array): ImageConfigFile {
  const file = parseJsonObject(content, 'image JSON');
  const rootfs = isObject(file.rootfs) ? file.rootfs : {};
  const diffIds: unknown = rootfs.diff_ids ?? [];
  if (rootfs.type !== 'layers' || !Array.isArray(diffIds) || !diffIds.every((id) => isDigest(String(id)))) {
    throw fail('invalid-argument', 'invalid image JSON, no RootFS key');
  }
  for (const field of textFields) {
    if (file[field] !== undefined && typeof file[field] !== 'string') {
      throw fail('invalid-argument', `invalid image JSON: ${field} is not a string`);
    }
  }
  const { config, history } = file;
  if (config !== undefined && config !== null && !isObject(config)) {
    throw fail('invalid-argument', 'invalid image JSON: config is not an object');
  }
  if (history !== undefined && history !== null && !(Array.isArray(history) && history.every(isObject))) {
    throw fail('invalid-argument', 'invalid image JSON: history is not a list of objects');
  }
  // Checked above, as far as anything depends on it.
  return { ...file, history: history ?? [], rootfs: { type: 'layers', diff_ids: diffIds } } as ImageConfigFile;
}
