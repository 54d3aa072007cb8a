import { longestScriptBytes, scriptAddress } from './script-program.ts';

/** Numbers of the system calls that scripts use, on x86-64. */
export const calls = {
  write: 1,
  close: 3,
  rt_sigaction: 13,
  writev: 20,
  dup2: 33,
  execve: 59,
  wait4: 61,
  chdir: 80,
  umask: 95,
  setsid: 112,
  setgroups: 116,
  setresuid: 117,
  setresgid: 119,
  capset: 126,
  prctl: 157,
  exit_group: 231,
  openat: 257,
  dup3: 292,
  prlimit64: 302,
  setns: 308,
  seccomp: 317,
  close_range: 436,
  clone: 56,
} as const;

const entryBytes = 88;
const argumentCount = 6;
/** Places in an entry, after the number and six arguments. */
const resultOffset = 56;
const onZeroOffset = 64;
const onErrorOffset = 72;
const onMissingOffset = 80;

/** A place in the script to go on from. */
export interface Label {
  entry?: number;
}

/** Where to go on: after an error (ENOENT apart, where that is told), or after a result of nought. */
export interface Branches {
  readonly onError?: Label;
  readonly onMissing?: Label;
  readonly onZero?: Label;
}

interface Entry {
  readonly number: number;
  readonly arguments: readonly (number | bigint)[];
  readonly branches: Branches;
}

/**
 * Writes a script: system calls one after the other, each with branches, and the data that they point to. Data is put
 * behind the calls, at addresses that are known only once all calls are, so it is asked for by `data` and filled in by
 * `encode`.
 */
export class Script {
  readonly #entries: Entry[] = [];
  readonly #data: { readonly bytes: Buffer; readonly holdsAddresses: boolean }[] = [];
  readonly #pointers = new Map<bigint, number>();
  #dataBytes = 0;
  #nextToken = 1n << 62n;

  /** A call; what it is not told of its branches goes on with the next call. */
  call(name: keyof typeof calls, args: readonly (number | bigint)[], branches: Branches = {}): void {
    this.#entries.push({ number: calls[name], arguments: args, branches });
  }

  /** From here on goes who comes to `label`. */
  mark(label: Label): void {
    label.entry = this.#entries.length;
  }

  /** The address that `bytes` will have, as an argument or among `words`. */
  data(bytes: Uint8Array, holdsAddresses = false): bigint {
    const token = this.#nextToken++;
    this.#pointers.set(token, this.#dataBytes);
    const padded = Buffer.alloc(Math.ceil(bytes.length / 8) * 8);
    padded.set(bytes);
    this.#data.push({ bytes: padded, holdsAddresses });
    this.#dataBytes += padded.length;
    return token;
  }

  /** The address of a C string. */
  text(text: string): bigint {
    return this.data(Buffer.from(`${text}\0`));
  }

  /** The address of an array of words, addresses of this script among them. */
  words(words: readonly bigint[]): bigint {
    const bytes = Buffer.alloc(words.length * 8);
    for (const [index, word] of words.entries()) bytes.writeBigUInt64LE(word, index * 8);
    return this.data(bytes, true);
  }

  /** The message for the program; undefined when it would be too long for it. */
  encode(): Buffer | undefined {
    const dataOffset = this.#entries.length * entryBytes;
    const length = dataOffset + this.#dataBytes;
    if (length > longestScriptBytes) return undefined;
    const message = Buffer.alloc(length);
    const addressOf = (entry: number): bigint => BigInt(scriptAddress + entry * entryBytes);
    const branch = (label: Label | undefined): bigint => (label?.entry === undefined ? 0n : addressOf(label.entry));
    for (const [index, entry] of this.#entries.entries()) {
      const at = index * entryBytes;
      message.writeBigInt64LE(BigInt(entry.number), at);
      for (let place = 0; place < argumentCount; place++) {
        message.writeBigInt64LE(this.#resolve(BigInt(entry.arguments[place] ?? 0), dataOffset), at + 8 + place * 8);
      }
      message.writeBigInt64LE(0n, at + resultOffset);
      message.writeBigUInt64LE(branch(entry.branches.onZero), at + onZeroOffset);
      message.writeBigUInt64LE(branch(entry.branches.onError), at + onErrorOffset);
      message.writeBigUInt64LE(branch(entry.branches.onMissing ?? entry.branches.onError), at + onMissingOffset);
    }
    let at = dataOffset;
    for (const { bytes, holdsAddresses } of this.#data) {
      bytes.copy(message, at);
      for (let place = 0; holdsAddresses && place < bytes.length; place += 8) {
        message.writeBigUInt64LE(this.#resolve(bytes.readBigUInt64LE(place), dataOffset), at + place);
      }
      at += bytes.length;
    }
    return message;
  }

  /** A token becomes the address that it stands for; any other word is left as it is. */
  #resolve(word: bigint, dataOffset: number): bigint {
    const offset = this.#pointers.get(word);
    return offset === undefined ? word : BigInt(scriptAddress + dataOffset + offset);
  }
}
