import { type EngineClient, killContainer } from '#client';

const proxied = [
  ...['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGCONT', 'SIGTSTP'],
] as const;

/** Passes signals that we get on to a container's process, until disposed. */
export function proxySignals(engine: EngineClient, container: string): Disposable {
  const handlers = proxied.map((signal) => {
    const handler = (): void => {
      // The container may have ended meanwhile: then there is nobody left to tell.
      void killContainer(engine, container, { signal: signal.slice('SIG'.length) }).catch(() => undefined);
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  return {
    [Symbol.dispose]: () => {
      for (const { signal, handler } of handlers) process.off(signal, handler);
    },
  };
}
