import { fail } from '#std/errors';
import type { Flag } from '../../grammar/flag.ts';

/** The `--docker` flag: pairs between commas that describe an endpoint. */
export function endpointFlag(): Flag<ReadonlyMap<string, string>> {
  return {
    type: 'stringToString',
    summary: 'The engine: host, and ca, cert, key, skip-tls-verify, or from (a context to copy)',
    initial: new Map(),
    shownDefault: '[]',
    parse(text, before) {
      const pairs = text.split(',').map((pair) => {
        const equals = pair.indexOf('=');
        if (equals < 0) throw fail('invalid-argument', `${pair} must be formatted as key=value`);
        return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
      });
      return new Map([...before, ...pairs]);
    },
  };
}
