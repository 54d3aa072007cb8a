import type { Platform } from '#images';
import { fail, messageOf } from '#std/errors';
import type { Call } from '../exchange.ts';
import { decodeAs, object, string } from '../json/schema.ts';
import { jsonFault } from '../json/syntax.ts';

const platformSchema = object('v1.Platform', {
  os: string,
  architecture: string,
  variant: string,
  'os.version': string,
});

type Given = Partial<Platform> & { readonly 'os.version'?: string };

/** A platform as JSON: the form of the newer endpoints, where others take `os/architecture`. Throws in Docker's words. */
function parseJsonPlatform(text: string): Platform {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail('invalid-argument', `failed to parse platform: ${jsonFault(text) ?? messageOf(error)}`);
  }
  let platform: Given;
  try {
    platform = decodeAs<Given>(value ?? {}, platformSchema, 'Platform');
  } catch (error) {
    throw fail('invalid-argument', messageOf(error).replace(/^invalid JSON: /, 'failed to parse platform: '), error);
  }
  const { os, architecture, variant, 'os.version': osVersion } = platform;
  if (!os || !architecture) throw fail('invalid-argument', 'both OS and Architecture must be provided');
  return { os, architecture, ...(variant && { variant }), ...(osVersion && { osVersion }) };
}

/** The parameter `platform`; clients older than version `since` of the API mean nothing by it. */
export function platformOf({ query, version }: Pick<Call, 'query' | 'version'>, since: number): Platform | undefined {
  const text = version < since ? undefined : query.text('platform');
  return text === undefined ? undefined : parseJsonPlatform(text);
}

/** The same where Docker takes it for an error that there are two. */
export function onePlatformOf(call: Pick<Call, 'query' | 'version'>, since: number): Platform | undefined {
  if (call.version >= since && call.query.all('platform').length > 1) {
    throw fail('invalid-argument', 'multiple platform parameters not supported');
  }
  return platformOf(call, since);
}

/** The parameter `platforms` of an image's removal: an image here has one. */
export function removedPlatformOf({ query, version }: Pick<Call, 'query' | 'version'>): Platform | undefined {
  const [first, ...more] = version < 50 ? [] : query.all('platforms').map(parseJsonPlatform);
  if (more.length > 0) throw fail('invalid-argument', 'multiple platforms are not supported');
  return first;
}
