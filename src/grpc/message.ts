import { EstibaError, fail, messageOf } from '#std/errors';
import { type Codec, newReader, newWriter, type Reader, type WireType, type Writer, wireTypes } from './codec.ts';

/** A field of a message: its number and how it is read and written. Made by the functions in `fields.ts`. */
export interface Field<T, I = T> {
  readonly number: number;
  readonly absent: T;
  read(reader: Reader, wire: WireType, before: T, budget: Budget): T;
  write(writer: Writer, value: I): void;
}

export type Shape = Readonly<Record<string, Field<unknown, unknown>>>;

/** A message that was read: every field is there. */
export type Fields<S extends Shape> = {
  readonly [K in keyof S]: S[K] extends Field<infer T, infer _I> ? T : never;
};
/** A message to be sent: what is not said is left out. */
export type Draft<S extends Shape> = {
  readonly [K in keyof S]?: (S[K] extends Field<infer _T, infer I> ? I : never) | undefined;
};

/** What one message may still hold in all: a few bytes of wire must not become gigabytes of objects. */
export interface Budget {
  elements: number;
}

const elementsOfMessage = 250_000;

/** A kind of message. */
export interface Message<T, I> {
  /** Throws `invalid-argument` when the bytes are no such message. Byte fields are views into `bytes`. */
  decode(bytes: Uint8Array): T;
  encode(value: I): Uint8Array;
  /** For fields that hold such a message. */
  readonly codec: (budget: Budget) => Codec<T | undefined, I | undefined>;
}

/** Messages as they lie on the wire, for who reads them himself. */
export const raw: Message<Uint8Array, Uint8Array> = {
  decode: (bytes) => bytes,
  encode: (value) => value,
  codec: () => {
    throw fail('internal', 'a raw message is in no field');
  },
};

/** What a message is when it was read, and what may be written. */
export type Read<M> = M extends Message<infer T, infer _I> ? T : never;
export type Written<M> = M extends Message<infer _T, infer I> ? I : never;

/** Counts one more element of a list, a map or a nested message. */
export function spend(budget: Budget): void {
  budget.elements -= 1;
  if (budget.elements < 0) throw fail('invalid-argument', `message holds more than ${elementsOfMessage} elements`);
}

/** Passes over a field that is not known. Groups, which proto3 has not, are refused: they nest without an end. */
export function skip(reader: Reader, wire: number): void {
  if (wire === 3 || wire === 4) throw fail('invalid-argument', 'malformed message: groups are not supported');
  reader.skipType(wire);
}

/** Lets `read` see `byteLength` bytes and no more. */
export function within<T>(reader: Reader, byteLength: number, read: () => T): T {
  const outer = reader.len;
  const end = reader.pos + byteLength;
  if (end > outer) throw fail('invalid-argument', 'malformed message: it ends within a field');
  reader.len = end;
  const value = read();
  reader.len = outer;
  return value;
}

class ShapedMessage<S extends Shape> implements Message<Fields<S>, Draft<S>> {
  readonly #byNumber = new Map<number, { readonly name: string; readonly field: Field<unknown, unknown> }>();
  readonly #inOrder: readonly (readonly [string, Field<unknown, unknown>])[];
  readonly #absent: Record<string, unknown> = {};

  constructor(shape: S) {
    this.#inOrder = Object.entries(shape).sort(([, a], [, b]) => a.number - b.number);
    for (const [name, field] of this.#inOrder) {
      if (this.#byNumber.has(field.number)) throw fail('internal', `two fields have the number ${field.number}`);
      this.#byNumber.set(field.number, { name, field });
      this.#absent[name] = field.absent;
    }
  }

  decode(bytes: Uint8Array): Fields<S> {
    try {
      return this.#read(newReader(bytes), { elements: elementsOfMessage }, undefined);
    } catch (error) {
      if (error instanceof EstibaError) throw error;
      throw fail('invalid-argument', `malformed message: ${messageOf(error)}`, error);
    }
  }

  encode(value: Draft<S>): Uint8Array {
    const writer = newWriter();
    this.#write(writer, value);
    return writer.finish();
  }

  readonly codec = (budget: Budget): Codec<Fields<S> | undefined, Draft<S> | undefined> => ({
    wire: wireTypes.bytes,
    absent: undefined,
    read: (reader, before) => {
      spend(budget);
      return within(reader, reader.uint32(), () => this.#read(reader, budget, before));
    },
    write: (writer, value) => {
      if (value === undefined) return;
      writer.fork();
      this.#write(writer, value);
      writer.ldelim();
    },
    isAbsent: (value) => value === undefined,
  });

  #read(reader: Reader, budget: Budget, before: Fields<S> | undefined): Fields<S> {
    const result: Record<string, unknown> = { ...this.#absent, ...before };
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const number = tag >>> 3;
      const wire = tag & 7;
      if (number === 0) throw fail('invalid-argument', 'malformed message: field number 0');
      const known = this.#byNumber.get(number);
      if (known === undefined) skip(reader, wire);
      else result[known.name] = known.field.read(reader, wire as WireType, result[known.name], budget);
    }
    if (reader.pos !== reader.len) throw fail('invalid-argument', 'malformed message: it ends within a field');
    return result as Fields<S>;
  }

  #write(writer: Writer, value: Draft<S>): void {
    for (const [name, field] of this.#inOrder) {
      const held: unknown = value[name];
      if (held !== undefined) field.write(writer, held);
    }
  }
}

/** A kind of message by its fields: `message({ id: string(1), tags: repeated(string(2)) })`. */
export function message<S extends Shape>(shape: S): Message<Fields<S>, Draft<S>> {
  return new ShapedMessage(shape);
}

/** A field that has another wire type than it should. */
export function wrongWire(number: number, wire: number): EstibaError {
  return fail('invalid-argument', `malformed message: field ${number} has wire type ${wire}`);
}
