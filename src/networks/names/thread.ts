/** The thread of the names: it waits for questions and for commands, and does nothing else. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { ReadySet } from '#linux/epoll';
import { clearEvent } from '#linux/event-descriptor';
import { messageOf } from '#std/errors';
import type { Command, Report, ThreadData } from './commands.ts';
import { Server } from './server.ts';

const { port, event, told } = workerData as ThreadData;
const ready = new ReadySet();
const server = new Server(ready, obeyNew);
let isOpen = true;
let obeyed = 0;

function report(message: Report): void {
  port.postMessage(message);
}

/** Returns whether the thread goes on. */
function obey(command: Command): boolean {
  switch (command.do) {
    case 'add':
      server.registry.add(command.networkId, command.networkName, command.endpoint);
      return true;
    case 'remove':
      server.registry.remove(command.networkId, command.endpointId);
      return true;
    case 'setLinks':
      server.registry.setLinks(command.containerId, command.networkId, command.links);
      return true;
    case 'setForwarding':
      server.setForwarding(command.containerId, command.isAllowed);
      return true;
    case 'serve':
      try {
        server.serve(command.containerId, command.namespacePath, command.resolver);
        report({ ticket: command.ticket });
      } catch (error) {
        report({ ticket: command.ticket, failure: messageOf(error) });
      }
      return true;
    case 'stop':
      server.stop(command.containerId);
      return true;
    case 'close':
      server.close();
      return false;
  }
}

/** A question that was asked after something was said here finds it done, although both may be seen at the same moment. */
function obeyNew(): void {
  if (Atomics.load(told, 0) !== obeyed) obeyAll();
}

function obeyAll(): void {
  clearEvent(event);
  obeyed = Atomics.load(told, 0);
  for (let one = receiveMessageOnPort(port); one !== undefined; one = receiveMessageOnPort(port)) {
    try {
      isOpen &&= obey(one.message as Command);
    } catch (error) {
      // Those behind it are obeyed all the same.
      report({ fault: messageOf(error) });
    }
  }
}

function turn(): void {
  const next = server.next();
  ready.wait(next === undefined ? -1 : Math.max(0, Math.ceil(next - performance.now())));
  server.sweep(performance.now());
}

ready.add(event, 'read', obeyAll, 'level');
obeyAll();
while (isOpen) {
  try {
    turn();
  } catch (error) {
    // One packet must not end the service of all containers.
    report({ fault: messageOf(error) });
  }
}
ready[Symbol.dispose]();
port.close();
process.exit(0);
