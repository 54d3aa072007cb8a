import type { Images } from '#images';
import { fail, messageOf } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { stream } from '../exchange.ts';
import { decodeAs, object, string } from '../json/schema.ts';
import { jsonFault } from '../json/syntax.ts';
import { encodeProgress } from '../progress.ts';
import { registryAuth } from './registry-auth.ts';

const platformSchema = object('v1.Platform', { os: string, architecture: string, variant: string });

interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** A platform as JSON: the form of this endpoint, where others take `os/architecture`. */
function parsePlatform(text: string): Platform {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail('invalid-argument', `failed to parse platform: ${jsonFault(text) ?? messageOf(error)}`);
  }
  let platform: Partial<Platform>;
  try {
    platform = decodeAs<Partial<Platform>>(value ?? {}, platformSchema, '');
  } catch (error) {
    throw fail('invalid-argument', messageOf(error).replace(/^invalid JSON: /, 'failed to parse platform: '), error);
  }
  const { os, architecture, variant } = platform;
  if (!os || !architecture) throw fail('invalid-argument', 'both OS and Architecture must be provided');
  return { os, architecture, ...(variant && { variant }) };
}

/** `POST /images/{name}/push` */
export function pushImage(images: Pick<Images, 'push'>): Endpoint {
  return (call) => {
    const { name, query, signal, version } = call;
    const tag = query.text('tag');
    const platform = version < 46 ? undefined : query.text('platform');
    const messages = images.push({
      name,
      credentials: registryAuth(call),
      signal,
      ...(tag !== undefined && { tag }),
      ...(platform !== undefined && { platform: parsePlatform(platform) }),
    });
    return stream('application/json', encodeProgress(messages, 'push'));
  };
}
