import { type HistoryEntry, type ImageConfigFile, type Platform, parseImageConfig, parseJsonObject } from '#oci';
import { goJson } from '#std/go-json';
import { formatTime, nowNs, parseTime } from '#std/time';

/** A layer as an image's configuration knows it. */
export interface ConfigLayer {
  readonly diffId: string;
  readonly createdAt?: string;
}

export interface ConfigRequest {
  /** As the frontend made it, without `rootfs`; undefined when it made none. */
  readonly config: Uint8Array | undefined;
  readonly platform: Platform;
  readonly layers: readonly ConfigLayer[];
  /** `SOURCE_DATE_EPOCH`: nothing is later. */
  readonly epochSeconds?: number | undefined;
  /** But for what the history tells already. */
  readonly keepsHistory: boolean;
  /** For `moby.buildkit.cache.v0`. */
  readonly inlineCache?: unknown;
  /** Says what made a layer of which the history tells nothing. */
  readonly description: string;
}

const usualPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function emptyConfig({ os, architecture, variant }: Platform): Record<string, unknown> {
  const config = { Env: [usualPath], WorkingDir: '/' };
  return { architecture, config, os, ...(variant !== undefined && variant !== '' && { variant }) };
}

/** Makes the history tell of each layer once: where it tells of more the last ones are empty, where of fewer some are added. */
function aligned(
  history: readonly HistoryEntry[],
  layers: readonly ConfigLayer[],
  description: string,
): HistoryEntry[] {
  let told = 0;
  const entries = history.map((entry) => {
    if (entry.empty_layer !== true) told += 1;
    return told > layers.length && entry.empty_layer !== true ? { ...entry, empty_layer: true } : entry;
  });
  for (const { createdAt } of layers.slice(told)) {
    const created = createdAt === undefined ? {} : { created: createdAt };
    entries.push({ ...created, created_by: description, comment: 'buildkit.exporter.image.v0' });
  }
  let index = 0;
  return entries.map((entry) => {
    if (entry.empty_layer === true) return entry;
    const createdAt = layers[index++]?.createdAt;
    return entry.created !== undefined || createdAt === undefined ? entry : withCreated(entry, createdAt);
  });
}

function withCreated({ created: _, ...entry }: HistoryEntry, created: string): HistoryEntry {
  return { created, ...entry };
}

/**
 * Gives each entry a time: what made no layer is as old as the first layer of this build, and behind a layer as that one. A build
 * out of the cache so gives the same image.
 */
function dated(history: readonly HistoryEntry[]): HistoryEntry[] {
  const firstWithout = history.findIndex(({ created }) => created === undefined);
  if (firstWithout === -1) return [...history];
  const before = history.slice(0, firstWithout).findLast(({ created }) => created !== undefined)?.created;
  const after = history.slice(firstWithout).find(({ created }) => created !== undefined)?.created;
  let last = after ?? before;
  let isAfterGap = false;
  return history.map((entry) => {
    if (entry.created === undefined) {
      isAfterGap = true;
      return last === undefined ? entry : withCreated(entry, last);
    }
    if (isAfterGap) last = entry.created;
    return entry;
  });
}

function notLater(history: readonly HistoryEntry[], epochSeconds: number, keeps: boolean): HistoryEntry[] {
  const epochNs = BigInt(epochSeconds) * 1_000_000_000n;
  return history.map((entry) => {
    const createdNs = entry.created === undefined ? undefined : parseTime(entry.created);
    return createdNs !== undefined && (keeps || createdNs <= epochNs) ? entry : withCreated(entry, formatTime(epochNs));
  });
}

/**
 * An image's configuration as BuildKit writes it: `rootfs` of its layers, a history that tells of each of them, when it was
 * created; keys in order.
 */
export function assembleConfig(request: ConfigRequest): { content: Buffer; file: ImageConfigFile } {
  const { config, platform, layers, epochSeconds, keepsHistory, inlineCache, description } = request;
  const given = config === undefined ? emptyConfig(platform) : parseJsonObject(config, 'image config');
  const entries = (given.history as HistoryEntry[] | null | undefined) ?? [];
  const told = (list: readonly HistoryEntry[]): HistoryEntry[] => dated(aligned(list, layers, description));
  // What has no time yet is of this build, and gets that one.
  const history =
    epochSeconds === undefined
      ? told(entries)
      : keepsHistory
        ? told(notLater(entries, epochSeconds, true))
        : notLater(told(entries), epochSeconds, false);
  const epoch = epochSeconds === undefined ? undefined : formatTime(BigInt(epochSeconds) * 1_000_000_000n);
  const created =
    epoch ?? given.created ?? history.findLast((entry) => entry.created !== undefined)?.created ?? formatTime(nowNs());
  const whole: Record<string, unknown> = {
    ...given,
    created,
    history: history.length === 0 ? null : history,
    rootfs: { type: 'layers', diff_ids: layers.length === 0 ? null : layers.map(({ diffId }) => diffId) },
    ...(inlineCache !== undefined && { 'moby.buildkit.cache.v0': inlineCache }),
  };
  const sorted = Object.fromEntries(Object.entries(whole).sort(([one], [other]) => (one < other ? -1 : 1)));
  const content = Buffer.from(goJson(sorted));
  return { content, file: parseImageConfig(content) };
}
