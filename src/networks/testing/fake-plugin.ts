import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** A plugin for tests, at a unix socket; what it answers of itself can be replaced. */
export abstract class FakePlugin<Body extends object> {
  /** Where engines look for it. */
  readonly directory: string;
  /** The last words of the methods that were called, in order, and what each was asked last. */
  readonly calls: string[] = [];
  readonly bodies = new Map<string, Body>();
  /** By method: an answer in place of the usual one. */
  readonly answers = new Map<string, object>();
  readonly #server: Bun.Server<undefined>;

  /** `root` is a directory of the test's own. */
  constructor(root: string, name: string) {
    this.directory = join(root, 'plugins');
    mkdirSync(this.directory);
    this.#server = Bun.serve({ unix: join(this.directory, `${name}.sock`), fetch: (call) => this.#answer(call) });
  }

  protected abstract usual(method: string, body: Body): object;

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(call: Request): Promise<Response> {
    const method = new URL(call.url).pathname.replace(/^.*\./, '');
    const text = await call.text();
    const body = (text === '' ? {} : JSON.parse(text)) as Body;
    this.calls.push(method);
    this.bodies.set(method, body);
    return Response.json(this.answers.get(method) ?? this.usual(method, body));
  }
}
