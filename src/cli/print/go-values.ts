import { asMap, asStruct, isRecord, withSource } from '../template/values.ts';
import { type Kind, type Shape, type ShapeName, shapes } from './go-shapes.ts';
import { printGoTime } from './times.ts';

/** An empty value of a kind; `json` prints it as what it was made of. */
function empty(kind: Kind): unknown {
  if (kind === 'list' || (typeof kind === 'object' && 'list' in kind)) return withSource([], null);
  if (kind === 'text') return '';
  if (kind === 'number') return 0;
  if (kind === 'flag') return false;
  if (typeof kind === 'object' && 'map' in kind) return withSource(asMap({}, kind.map), null);
  return null;
}

function convert(kind: Kind | undefined, value: unknown): unknown {
  if (value === null || value === undefined) return kind === undefined ? null : empty(kind);
  if (typeof kind === 'object' && 'struct' in kind) return goValue(kind.struct, value);
  if (typeof kind === 'object' && 'list' in kind) return listOf(kind.list, value);
  if (typeof kind === 'object' && isRecord(value)) {
    const { of } = kind;
    const entries = Object.entries(value).map(([key, inner]) => [key, of ? elementOf(of, inner) : inner] as const);
    return withSource(asMap(Object.fromEntries(entries), kind.map), value);
  }
  return value;
}

function elementOf(shape: ShapeName, value: unknown): unknown {
  if (Array.isArray(value)) return listOf(shape, value);
  return value === null ? withSource([], null) : goValue(shape, value);
}

function listOf(shape: ShapeName, value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return withSource(
    value.map((item) => goValue(shape, item)),
    value,
  );
}

/** JSON of the API as the Go value that docker's templates run on. */
export function goValue(name: ShapeName, value: unknown): unknown {
  if (!isRecord(value)) return value;
  const shape: Shape = shapes[name];
  const keys = shape.order ?? [...new Set([...Object.keys(value), ...Object.keys(shape.fields)])];
  const fields = keys.map((key) => {
    const converted = convert(shape.fields[key], value[key]);
    const shown = shape.times?.includes(key) && typeof converted === 'string' ? printGoTime(converted) : converted;
    return [shape.renamed?.[key] ?? key, shown] as const;
  });
  return withSource(asStruct(Object.fromEntries(fields), shape.type), value);
}
