/** Where the engine of the default context listens. */
export function environmentHost(): string {
  return process.env.DOCKER_HOST || 'unix:///run/estiba/estiba.sock';
}
