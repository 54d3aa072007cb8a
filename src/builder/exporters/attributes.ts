import type { Packing } from '#images';
import { familiarReference, formatReference, type ImageReference, parseReference, withDefaultTag } from '#oci';
import { fail, messageOf } from '#std/errors';

export type Attributes = Readonly<Record<string, string>>;

const truths: Readonly<Record<string, boolean>> = {
  ...{ '': true, '1': true, t: true, T: true, true: true, TRUE: true, True: true },
  ...{ '0': false, f: false, F: false, false: false, FALSE: false, False: false },
};

/** An attribute that is yes or no, and yes when it is there without a value. */
export function booleanOf(attributes: Attributes, name: string): boolean | undefined {
  const text = attributes[name];
  if (text === undefined) return undefined;
  const value = truths[text];
  if (value === undefined) {
    throw fail(
      'invalid-argument',
      `non-bool value specified for ${name}: strconv.ParseBool: parsing "${text}": invalid syntax`,
    );
  }
  return value;
}

function integerOf(attributes: Attributes, name: string): number | undefined {
  const text = attributes[name];
  if (text === undefined) return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text)) throw fail('invalid-argument', `non-int value ${text} specified for ${name}`);
  return Number(text);
}

/** How layers are to be compressed: `compression`, `compression-level`, `force-compression`. */
export function packingOf(attributes: Attributes): Packing {
  const { compression = 'gzip' } = attributes;
  const kind = compression === 'uncompressed' ? 'none' : compression === '' ? 'gzip' : compression;
  if (kind !== 'none' && kind !== 'gzip' && kind !== 'zstd') {
    throw fail('invalid-argument', `unsupported layer compression type: ${compression}`);
  }
  const level = integerOf(attributes, 'compression-level');
  const limits = kind === 'zstd' ? [-7, 22] : [0, 9];
  if (level !== undefined && (level < (limits[0] ?? 0) || level > (limits[1] ?? 0))) {
    throw fail('invalid-argument', `invalid compression-level for ${compression}: ${level}`);
  }
  const isForced = booleanOf(attributes, 'force-compression') ?? false;
  return { compression: kind, isForced, ...(level !== undefined && kind !== 'none' && { level }) };
}

/** `source-date-epoch`, in seconds; an empty one is none. */
export function epochOf(attributes: Attributes): number | undefined {
  const { 'source-date-epoch': text = '' } = attributes;
  if (text === '') return undefined;
  if (!/^-?\d{1,11}$/.test(text)) {
    throw fail('invalid-argument', `invalid SOURCE_DATE_EPOCH: ${text}`);
  }
  return Number(text);
}

/** A name that an image is to have, as it was written and in full. */
export interface TargetName {
  /** `docker.io/library/x`, without the tag that it has not. */
  readonly shown: string;
  readonly reference: ImageReference;
}

/** The names of `name=a,b`; throws `invalid-argument`. */
export function namesOf(text: string): TargetName[] {
  return text
    .split(',')
    .filter((name) => name !== '')
    .map((name) => {
      try {
        const reference = parseReference(name);
        return { shown: formatReference(reference), reference: withDefaultTag(reference) };
      } catch (error) {
        throw fail('invalid-argument', `failed to parse ${name}: ${messageOf(error)}`, error);
      }
    });
}

/** As archives for `docker load` name it. */
export function loadName({ reference }: TargetName): string {
  return familiarReference(reference);
}

/** What `annotation…` asks for: on manifests and indexes, and on their descriptors. */
export interface Annotations {
  /** For a manifest, of that platform (`linux/amd64`) or of any. */
  manifest(platform: string): Record<string, string>;
  manifestDescriptor(platform: string): Record<string, string>;
  readonly index: Record<string, string>;
  readonly indexDescriptor: Record<string, string>;
  readonly isEmpty: boolean;
}

const annotationPattern = /^annotation(?:-([a-z-]+))?(?:\[([A-Za-z0-9_/.-]+)\])?\.(\S+)$/;

/** Annotations of attributes, and of what the frontend says (`annotation.KEY`, `annotation-index.KEY`, …); the former go first. */
export function annotationsOf(attributes: Attributes, metadata: ReadonlyMap<string, Uint8Array>): Annotations {
  const decoder = new TextDecoder();
  const said = [...metadata].map(([key, value]) => [key, decoder.decode(value)] as const);
  const found = [...said, ...Object.entries(attributes)].flatMap(([key, value]) => {
    const [, type = 'manifest', platform, name = ''] = annotationPattern.exec(key) ?? [];
    return name === '' ? [] : [{ type, platform, name, value }];
  });
  for (const { type } of found) {
    if (!['manifest', 'index', 'manifest-descriptor', 'index-descriptor'].includes(type)) {
      throw fail('invalid-argument', `unrecognized annotation type ${type}`);
    }
  }
  const select = (wanted: string, on?: string): Record<string, string> => {
    const chosen = found.filter(({ type, platform }) => type === wanted && (platform === undefined || platform === on));
    return Object.fromEntries(chosen.map(({ name, value }) => [name, value]));
  };
  return {
    manifest: (platform) => select('manifest', platform),
    manifestDescriptor: (platform) => select('manifest-descriptor', platform),
    index: select('index'),
    indexDescriptor: select('index-descriptor'),
    isEmpty: found.length === 0,
  };
}
