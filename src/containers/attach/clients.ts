/** The attached clients of containers and execs, so that they can be let go when no process will ever serve them. */
export interface AttachedClients {
  add(id: string, close: () => void): Disposable;
  /** Lets all clients of a process go: it could not be started, or its container is removed. */
  closeAll(id: string): void;
}

/** Makes an empty set of clients. */
export function createAttachedClients(): AttachedClients {
  const clients = new Map<string, Set<() => void>>();
  return {
    add(id, close) {
      const set = clients.get(id) ?? new Set();
      clients.set(id, set.add(close));
      return {
        [Symbol.dispose]() {
          set.delete(close);
          if (set.size === 0 && clients.get(id) === set) clients.delete(id);
        },
      };
    },
    closeAll(id) {
      for (const close of clients.get(id) ?? []) close();
    },
  };
}
