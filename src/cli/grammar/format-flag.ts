import { type Flag, text } from './flag.ts';

/** The `--format` flag of commands that list. */
export const listFormat = (): Flag<string> =>
  text("table, 'table TEMPLATE', json, or a Go template for each row", { completes: ['json', 'table'] });

/** The `--format` flag of commands that show objects. */
export const inspectFormat = (): Flag<string> =>
  text('json, or a Go template for each object', { short: 'f', completes: ['json'] });

/** The format of a list: that of the command line, else that of the configuration, which quiet lists do not mind. */
export function formatOf(
  flags: { readonly format: string; readonly quiet?: boolean },
  configured: string | undefined,
): string {
  return flags.format || (flags.quiet ? '' : (configured ?? ''));
}
