import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNetworkNamespace, deleteNetworkNamespace } from '#linux/namespaces';
import { RouteSocket, setLink } from '#linux/rtnetlink';
import { type Answer, read } from './messages.ts';

/** A process in a namespace that is told lines and answers with lines. */
class LineProcess {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;
  readonly #reader;
  #rest = '';

  constructor(namespacePath: string | undefined, script: string, args: readonly string[]) {
    const entered = namespacePath === undefined ? [] : ['nsenter', `--net=${namespacePath}`];
    const command = [...entered, process.execPath, join(import.meta.dir, script), ...args];
    this.#child = Bun.spawn(command, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#reader = this.#child.stdout.getReader();
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf('\n');
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error('the process has ended');
      this.#rest += Buffer.from(value).toString();
    }
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
    this.#child.stdin.flush();
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.exited;
  }
}

/** A client in a container's namespace. */
export class Client {
  readonly #process: LineProcess;

  constructor(namespacePath: string) {
    this.#process = new LineProcess(namespacePath, 'client.ts', []);
  }

  /** Sends all messages over one socket, and waits for so many answers. */
  async send(messages: readonly Buffer[], options: { tcp?: boolean; answers?: number } = {}): Promise<Answer[]> {
    const protocol = options.tcp === true ? 'tcp' : 'udp';
    const texts = messages.map((message) => message.toString('hex'));
    this.#process.say(JSON.stringify({ protocol, messages: texts, answers: options.answers ?? messages.length }));
    const answers = JSON.parse(await this.#process.line()) as string[];
    return answers.map((text) => read(Buffer.from(text, 'hex')));
  }

  /** One question. */
  async ask(message: Buffer, options: { tcp?: boolean } = {}): Promise<Answer> {
    const [answer] = await this.send([message], options);
    if (answer === undefined) throw new Error('no answer');
    return answer;
  }

  /** Asks one question again and again; resolves when it has been asked, to the answer that will come. */
  async askUntilAnswered(message: Buffer): Promise<{ answer: Promise<Answer> }> {
    this.#process.say(JSON.stringify({ isPatient: true, messages: [message.toString('hex')] }));
    await this.#process.line();
    const answered = async (): Promise<Answer> => {
      const [text = ''] = JSON.parse(await this.#process.line()) as string[];
      return read(Buffer.from(text, 'hex'));
    };
    return { answer: answered() };
  }

  end(): Promise<void> {
    return this.#process.end();
  }
}

/** Namespaces, clients and resolvers for tests; all of it is gone when it is disposed. */
export class NamesLab implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'names-'));
  readonly #stack = new AsyncDisposableStack();

  constructor() {
    this.#stack.defer(() => rmSync(this.root, { recursive: true, force: true }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** A namespace with nothing but its loopback device. */
  namespace(name: string): string {
    const path = join(this.root, name);
    using made = createNetworkNamespace(path, () => new RouteSocket());
    made.opened.transact(setLink({ index: 1 }, { up: true }));
    this.#stack.defer(() => deleteNetworkNamespace(path));
    return path;
  }

  client(namespacePath: string): Client {
    const client = new Client(namespacePath);
    this.#stack.defer(() => client.end());
    return client;
  }

  /** Starts a resolver (upstream.ts) at port 53 of an address, in a namespace or on the host; `end` ends it sooner. */
  async upstream(namespacePath: string | undefined, address: string, tag: number): Promise<{ end(): Promise<void> }> {
    const started = new LineProcess(namespacePath, 'upstream.ts', [address, String(tag)]);
    this.#stack.defer(() => started.end());
    await started.line();
    return started;
  }

  /** Another engine's resolver (victim.ts): it serves a container `asker` with a neighbour `web` at 10.1.0.2. */
  async victim(namespacePath: string): Promise<{ end(): Promise<void> }> {
    const started = new LineProcess(undefined, 'victim.ts', [namespacePath]);
    this.#stack.defer(() => started.end());
    await started.line();
    return started;
  }

  /** What a program of the namespace prints. */
  async run(namespacePath: string, ...command: string[]): Promise<string> {
    const child = Bun.spawn(['nsenter', `--net=${namespacePath}`, ...command], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return child.stdout.text();
  }
}
