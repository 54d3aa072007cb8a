import { renameSync, rmSync } from 'node:fs';

type Answer = (body: { readonly Name?: string; readonly ID?: string }) => Response | Promise<Response>;

/** An answer that never comes. */
export const never: Answer = () => new Promise(() => {});

/** A volume plugin for tests, at a unix socket: each volume is shown at `mountpoint`. Every answer can be replaced. */
export class FakePlugin implements AsyncDisposable {
  /** `Create a`, `Mount a c1`: what was asked, in order. */
  readonly calls: string[] = [];
  readonly volumes = new Map<string, unknown>();
  /** By the method's last word. */
  readonly answers = new Map<string, Answer>();
  #server: Bun.Server<undefined> | undefined;

  constructor(
    readonly socket: string,
    readonly mountpoint: string,
  ) {
    this.start();
  }

  start(): void {
    rmSync(this.socket, { force: true });
    this.#server = Bun.serve({ unix: this.socket, fetch: (request) => this.#answer(request) });
  }

  /** Ends as a process does that is killed: its socket stays. */
  async die(): Promise<void> {
    if (this.#server === undefined) return;
    // Bun takes the socket away when it stops; a process that is killed does not.
    const kept = `${this.socket}.kept`;
    renameSync(this.socket, kept);
    await this.#server.stop(true);
    this.#server = undefined;
    renameSync(kept, this.socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die();
    rmSync(this.socket, { force: true });
  }

  async #answer(request: Request): Promise<Response> {
    const method = new URL(request.url).pathname.replace(/^.*\./, '');
    const text = await request.text();
    const body = (text === '' ? {} : JSON.parse(text)) as { Name?: string; ID?: string; Opts?: unknown };
    this.calls.push([method, body.Name, body.ID].filter((word) => word !== undefined).join(' '));
    const replaced = this.answers.get(method);
    return replaced === undefined ? Response.json(this.#usual(method, body)) : replaced(body);
  }

  #usual(method: string, { Name = '', Opts }: { Name?: string; Opts?: unknown }): object {
    const shown = (name: string) => ({ Name: name, Mountpoint: this.mountpoint });
    switch (method) {
      case 'Activate':
        return { Implements: ['VolumeDriver'] };
      case 'Capabilities':
        return { Capabilities: { Scope: 'global' } };
      case 'Create':
        this.volumes.set(Name, Opts);
        return { Err: '' };
      case 'Remove':
        return this.volumes.delete(Name) ? {} : { Err: `${Name} is not here` };
      case 'Get':
        if (!this.volumes.has(Name)) return { Err: `${Name} is not here` };
        return {
          Volume: { ...shown(Name), CreatedAt: '2020-01-02T03:04:05Z', Status: { opts: this.volumes.get(Name) } },
        };
      case 'List':
        return { Volumes: [...this.volumes.keys()].map(shown) };
      case 'Mount':
      case 'Path':
        return { Mountpoint: this.mountpoint };
      default:
        return {};
    }
  }
}
