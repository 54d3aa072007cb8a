/** Takes what a process says; what it returns is waited for before more is read. */
export type OnOutput = (stream: 1 | 2, data: Uint8Array) => void | Promise<void>;

/** How long the first words on standard error may be the runtime's own: it ends straight after them. */
const holdMs = 100;

/** The kernel's own refusal of a program is the last that crun writes before it would become that program. */
const refusal = /^\{"msg":"exec container process (?:\([^)]*\) )?`(.*?)`: ([^"]*)","level":"error"/;

/** The same in runc's words, where the first words on standard error are such. */
function refusalWords(data: Uint8Array): Uint8Array | undefined {
  const match = refusal.exec(Buffer.from(data).toString('utf8'));
  if (match === null) return undefined;
  const [, program = '', reason = ''] = match;
  return Buffer.from(`exec ${program}: ${reason.toLowerCase()}\n`);
}

/**
 * Output of a process that the runtime starts. The first words on standard error may be the runtime's own, which says why it
 * cannot start, to be told in other words: they are held back for the moment in which it ends then, or until the process
 * speaks.
 */
export class StepOutput {
  readonly #take: OnOutput;
  readonly #failsToStart: () => Promise<boolean>;
  readonly #released = Promise.withResolvers<false>();
  #held: Uint8Array | undefined;
  #isFirst = true;

  constructor(take: OnOutput, failsToStart: () => Promise<boolean>) {
    this.#take = take;
    this.#failsToStart = failsToStart;
  }

  async stdout(data: Uint8Array): Promise<void> {
    await this.#release();
    await this.#take(1, data);
  }

  async stderr(data: Uint8Array): Promise<void> {
    if (!this.#isFirst) return await this.#take(2, data);
    this.#isFirst = false;
    const words = refusalWords(data);
    if (words !== undefined) return await this.#take(2, words);
    this.#held = data;
    const waited = Bun.sleep(holdMs).then(() => false);
    if (await Promise.race([waited, this.#released.promise, this.#failsToStart()])) this.#held = undefined;
    else await this.#release();
  }

  async #release(): Promise<void> {
    this.#released.resolve(false);
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) await this.#take(2, held);
  }
}
