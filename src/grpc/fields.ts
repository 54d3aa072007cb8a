import {
  bigint64Codec,
  boolCodec,
  bytesCodec,
  type Codec,
  doubleCodec,
  int32Codec,
  int64Codec,
  newReader,
  type Reader,
  stringCodec,
  uint32Codec,
  uint64Codec,
  type WireType,
  type Writer,
  wireTypes,
} from './codec.ts';
import { type Budget, type Field, type Message, skip, spend, within, wrongWire } from './message.ts';

/** A field with one value, which lists, maps and `optional` are made of. */
export interface SingleField<T, I = T> extends Field<T, I> {
  readonly codec: (budget: Budget) => Codec<T, I>;
}

const boundless: Budget = { elements: Number.POSITIVE_INFINITY };

function tag(number: number, wire: WireType): number {
  return ((number << 3) | wire) >>> 0;
}

function single<T, I>(number: number, codec: (budget: Budget) => Codec<T, I>): SingleField<T, I> {
  const writing = codec(boundless);
  return {
    number,
    codec,
    absent: writing.absent,
    read(reader: Reader, wire: WireType, before: T, budget: Budget): T {
      if (wire !== writing.wire) throw wrongWire(number, wire);
      return codec(budget).read(reader, before);
    },
    write(writer: Writer, value: I): void {
      if (writing.isAbsent(value)) return;
      writer.uint32(tag(number, writing.wire));
      writing.write(writer, value);
    },
  };
}

const scalarOf =
  <T>(codec: Codec<T>) =>
  (number: number): SingleField<T> =>
    single(number, () => codec);

export const string = scalarOf(stringCodec);
export const bool = scalarOf(boolCodec);
export const bytes = scalarOf(bytesCodec);
export const int32 = scalarOf(int32Codec);
export const uint32 = scalarOf(uint32Codec);
/** As a number; of one beyond 2^53 the nearest that a double has. */
export const int64 = scalarOf(int64Codec);
export const uint64 = scalarOf(uint64Codec);
/** An int64 that needs all of its bits: nanoseconds since 1970. */
export const bigint64 = scalarOf(bigint64Codec);
export const double = scalarOf(doubleCodec);
/** Numbers of an enumeration; those that are not known stay what they are. */
export const enumeration = int32;

/** A message within; undefined when it was not sent. */
export function embedded<T, I>(number: number, type: Message<T, I>): SingleField<T | undefined, I | undefined> {
  return single(number, type.codec);
}

/** A scalar of which it is known whether it was sent (`optional`, and a scalar in a `oneof`): its zero is sent too. */
export function optional<T, I>(field: SingleField<T, I>): Field<T | undefined, I | undefined> {
  const { number, absent } = field;
  const { wire, write } = field.codec(boundless);
  return {
    number,
    absent: undefined,
    read: (reader, wireRead, before, budget) => field.read(reader, wireRead, before ?? absent, budget),
    write(writer, value): void {
      if (value === undefined) return;
      writer.uint32(tag(number, wire));
      write(writer, value);
    },
  };
}

/** A list. Numbers are written packed, and read packed or one by one. */
export function repeated<T, I>(field: SingleField<T, I>): Field<readonly NonNullable<T>[], readonly NonNullable<I>[]> {
  const { number, absent } = field;
  const writing = field.codec(boundless);
  const { wire } = writing;
  const none: readonly NonNullable<T>[] = Object.freeze([]);
  return {
    number,
    absent: none,
    read(reader, wireRead, before, budget) {
      // The list of this message grows in place; the frozen one is everybody's.
      const list = before === none ? [] : (before as NonNullable<T>[]);
      const codec = field.codec(budget);
      const one = () => {
        spend(budget);
        list.push(codec.read(reader, absent) as NonNullable<T>);
      };
      if (wireRead === wire) one();
      else if (wireRead === wireTypes.bytes) {
        within(reader, reader.uint32(), () => {
          while (reader.pos < reader.len) one();
        });
      } else throw wrongWire(number, wireRead);
      return list;
    },
    write(writer, values): void {
      if (values.length === 0) return;
      if (wire === wireTypes.bytes) {
        for (const value of values) {
          writer.uint32(tag(number, wire));
          writing.write(writer, value);
        }
        return;
      }
      writer.uint32(tag(number, wireTypes.bytes)).fork();
      for (const value of values) writing.write(writer, value);
      writer.ldelim();
    },
  };
}

/** As Go orders strings. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

type Key = string | number;

function inOrder(a: Key, b: Key): number {
  return typeof a === 'string' ? byBytes(a, String(b)) : a - Number(b);
}

/** `key` is field 1 of an entry, `value` field 2. */
function mapOf<K extends Key, T, I>(
  number: number,
  key: SingleField<K>,
  value: SingleField<T, I>,
): Field<ReadonlyMap<K, NonNullable<T>>, ReadonlyMap<K, NonNullable<I>>> {
  const writing = { key: key.codec(boundless), value: value.codec(boundless) };
  const none: ReadonlyMap<K, NonNullable<T>> = new Map();
  const readEntry = (reader: Reader, budget: Budget): readonly [K, T] => {
    let named = key.absent;
    let held = value.absent;
    while (reader.pos < reader.len) {
      const read = reader.uint32();
      const wire = (read & 7) as WireType;
      if (read >>> 3 === 1) named = key.read(reader, wire, named, budget);
      else if (read >>> 3 === 2) held = value.read(reader, wire, held, budget);
      else skip(reader, wire);
    }
    // An entry without its value has the value's zero; that of a message is an empty one.
    return [named, held ?? value.codec(budget).read(newReader(Uint8Array.of(0)), held)];
  };
  return {
    number,
    absent: none,
    read(reader, wire, before, budget) {
      if (wire !== wireTypes.bytes) throw wrongWire(number, wire);
      spend(budget);
      const entries = before === none ? new Map<K, NonNullable<T>>() : (before as Map<K, NonNullable<T>>);
      const [named, held] = within(reader, reader.uint32(), () => readEntry(reader, budget));
      entries.set(named, held as NonNullable<T>);
      return entries;
    },
    write(writer, entries): void {
      for (const named of [...entries.keys()].sort(inOrder)) {
        const held = entries.get(named) as NonNullable<I>;
        writer.uint32(tag(number, wireTypes.bytes)).fork();
        writer.uint32(tag(1, writing.key.wire));
        writing.key.write(writer, named);
        writer.uint32(tag(2, writing.value.wire));
        writing.value.write(writer, held);
        writer.ldelim();
      }
    },
  };
}

/** A map by strings, written in the order of its keys: equal maps, equal bytes. `map(4, bytes)`, `map(4, (n) => embedded(n, M))` */
export function map<T, I>(number: number, valueAt: (number: number) => SingleField<T, I>) {
  return mapOf(number, string(1), valueAt(2));
}

/** A map by numbers. */
export function numberMap<T, I>(number: number, valueAt: (number: number) => SingleField<T, I>) {
  return mapOf(number, int64(1), valueAt(2));
}
