import { type Platform, parsePlatform, parseReference } from '#oci';
import { fail, messageOf } from '#std/errors';
import { quoteGo } from './quote.ts';

/** Whether a text can name an image. */
export function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false;
  }
}

/** Throws, in BuildKit's words, when what a stage is built on cannot be an image. */
export function requireReference(name: string): void {
  try {
    parseReference(name);
  } catch (error) {
    throw fail('invalid-argument', `failed to parse stage name ${quoteGo(name)}: ${messageOf(error)}`);
  }
}

/** The platform that a FROM asks for; `hint` is added to what is wrong with it. */
export function parseStagePlatform(text: string, written: string, hint: string): Platform {
  try {
    return parsePlatform(text);
  } catch (error) {
    throw fail('invalid-argument', `failed to parse platform ${written}: ${messageOf(error)}${hint}`);
  }
}
