import type { DeviceRequest } from '#api';
import { fail } from '#std/errors';
import type { Flag } from '../grammar/flag.ts';
import { csvFields } from './csv.ts';
import { toRecord } from './key-values.ts';

function parseCount(text: string): number {
  if (text === 'all') return -1;
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw fail('invalid-argument', `invalid count (${text}): value must be either "all" or an integer: invalid syntax`);
}

/**
 * Reads one `--gpus`: `all`, a number, or `device=…,capabilities=…,driver=…,count=…,options=…`.
 * @throws `invalid-argument`
 */
export function parseGpus(text: string): DeviceRequest {
  const request: DeviceRequest = { Driver: '', Count: 0, DeviceIDs: null, Capabilities: [['gpu']], Options: {} };
  const seen = new Set<string>();
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=');
    const key = equals < 0 ? field : field.slice(0, equals);
    const value = field.slice(equals + 1);
    const named = equals < 0 ? 'count' : key;
    if (seen.has(named)) {
      throw fail('invalid-argument', `gpu request key '${named}' can be specified only once`);
    }
    seen.add(named);
    if (named === 'count') request.Count = parseCount(value);
    else if (named === 'driver') request.Driver = value;
    else if (named === 'device') request.DeviceIDs = value.split(',');
    else if (named === 'capabilities') request.Capabilities = [[...value.split(','), 'gpu']];
    else if (named === 'options') request.Options = toRecord(csvFields(value));
    else throw fail('invalid-argument', `unexpected key '${key}' in '${field}'`);
  }
  if (!seen.has('count') && request.DeviceIDs === null) request.Count = 1;
  return request;
}

/** The `--gpus` flag. */
export function gpusFlag(summary: string): Flag<readonly DeviceRequest[]> {
  return {
    type: 'gpu-request',
    summary,
    initial: [],
    parse: (text, before) => [...before, parseGpus(text)],
  };
}
