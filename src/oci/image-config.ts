import type { ContainerConfig } from '#api';
import { fail } from '#std/errors';
import { isDigest } from './digest.ts';
import { checkImageFields, isJsonObject } from './image-config-fields.ts';

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
  if (!isJsonObject(value)) throw fail('invalid-argument', `invalid ${what}: not a JSON object`);
  return value;
}

/** Parses and checks an image's configuration; unknown fields are let be. */
export function parseImageConfig(content: Uint8Array): ImageConfigFile {
  const file = parseJsonObject(content, 'image JSON');
  const rootfs = isJsonObject(file.rootfs) ? file.rootfs : {};
  const diffIds: unknown = rootfs.diff_ids ?? [];
  const isList = Array.isArray(diffIds) && diffIds.every((id) => typeof id === 'string' && isDigest(id));
  if (rootfs.type !== 'layers' || !isList) throw fail('invalid-argument', 'invalid image JSON, no RootFS key');
  checkImageFields(file);
  const config = file.config as Record<string, unknown> | null | undefined;
  const words = ['Cmd', 'Entrypoint', 'Shell'].filter((name) => typeof config?.[name] === 'string');
  // Docker takes a command that is one text for one of one word.
  const changed = Object.fromEntries(words.map((name) => [name, [config?.[name]]]));
  // Checked above, all of it that anything depends on.
  return {
    ...file,
    ...(words.length > 0 && { config: { ...config, ...changed } }),
    history: file.history ?? [],
    rootfs: { type: 'layers', diff_ids: diffIds },
  } as unknown as ImageConfigFile;
}
