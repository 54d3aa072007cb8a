import { type Endpoint, parseEndpoint } from '#client';
import { fail } from '#std/errors';
import { contextTlsFiles, readContext } from './contexts.ts';

/**
 * Where the engine of a context listens, with its certificates.
 * @throws `not-found` or `invalid-argument`
 */
export function contextEndpoint(folder: string, name: string): Endpoint {
  const { docker } = readContext(folder, name).Endpoints;
  if (!docker?.Host) throw fail('invalid-argument', `context "${name}" has no docker endpoint`);
  const endpoint = parseEndpoint(docker.Host);
  const files = contextTlsFiles(folder, name);
  if (endpoint.kind !== 'tcp' || (files.size === 0 && docker.SkipTLSVerify !== true)) return endpoint;
  const [ca, cert, key] = [files.get('ca.pem'), files.get('cert.pem'), files.get('key.pem')];
  return { ...endpoint, tls: { ca, cert, key, verify: docker.SkipTLSVerify !== true } };
}
