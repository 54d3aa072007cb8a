/** Thrown where work that was begun on the engine's own thread proves to be too much for it. */
export class TooMuch extends Error {
  override readonly name = 'TooMuch';
}

/** So much takes about as long as it takes to give the work to another process. */
const briefEntries = 300;
const briefBytes = 3 * 1024 * 1024;

/** Counts what a job does: on the engine's thread it is given up when it gets long, elsewhere it goes on. */
export class Pace {
  #entriesLeft: number;
  #bytesLeft: number;

  constructor(isBrief: boolean) {
    this.#entriesLeft = isBrief ? briefEntries : Number.POSITIVE_INFINITY;
    this.#bytesLeft = isBrief ? briefBytes : Number.POSITIVE_INFINITY;
  }

  /** Called for each file, and for what is read or written of it. Throws `TooMuch`. */
  spend(entries: number, bytes: number): void {
    this.#entriesLeft -= entries;
    this.#bytesLeft -= bytes;
    if (this.#entriesLeft < 0 || this.#bytesLeft < 0) throw new TooMuch();
  }
}
