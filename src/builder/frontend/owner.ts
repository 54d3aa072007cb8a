import type { FileOwner } from '../graph/operation.ts';

const part = (text: string): string | number => (/^\d{1,10}$/.test(text) ? Number(text) : text);

/** `USER[:GROUP]`, each a name or a number. */
export function parseOwner(text: string): FileOwner {
  const split = text.indexOf(':');
  if (split === -1) return { user: part(text) };
  return { user: part(text.slice(0, split)), group: part(text.slice(split + 1)) };
}
