import type { Socket } from 'bun';
import type { AttachRequest } from '../protocol.ts';
import { Subscriber } from './subscriber.ts';
import type { Task } from './task.ts';

/**
 * One attached client, from its first line to its end. Before the process has started, what it types is kept, and its
 * connection paused.
 */
export class Attachment {
  readonly request: AttachRequest;
  readonly subscriber: Subscriber;
  readonly #socket: Socket<unknown>;
  readonly #early: Uint8Array[] = [];
  #inputEnded = false;
  #task: Task | undefined;

  constructor(socket: Socket<unknown>, request: AttachRequest) {
    this.#socket = socket;
    this.request = request;
    this.subscriber = new Subscriber(socket, request);
  }

  get task(): Task | undefined {
    return this.#task;
  }

  /** Joins the client and its process. */
  link(task: Task): void {
    this.#task = task;
    if (task.request.spoolDirectory !== undefined) this.subscriber.spoolIn(task.request.spoolDirectory);
    task.subscribe(this.subscriber);
    for (const bytes of this.#early.splice(0)) this.receive(bytes);
    if (this.#inputEnded) this.endInput();
    this.#socket.resume();
  }

  /** Takes what the client typed. */
  receive(bytes: Uint8Array): void {
    if (!this.request.stdin) return;
    if (this.#task === undefined) {
      this.#early.push(Buffer.from(bytes));
      this.#socket.pause();
      return;
    }
    if (this.#task.input?.write(bytes, () => this.#socket.resume()) === false) this.#socket.pause();
  }

  /**
   * The client has ended its half. That closes the process's input when it is to be closed once, and else ends the
   * client's output too, as Docker has it.
   */
  endInput(): void {
    this.#inputEnded = true;
    const task = this.#task;
    if (task === undefined || !this.request.stdin) return;
    if (task.request.stdinOnce && !task.request.terminal) task.input?.end();
    else this.subscriber.end();
  }

  /** The connection is gone. */
  closed(): void {
    this.subscriber.closed();
    if (!this.#inputEnded) this.endInput();
    this.#task?.unsubscribe(this.subscriber);
  }
}
