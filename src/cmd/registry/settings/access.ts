import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AccessSettings, type LiveOptions, openAccess } from '#registry';
import { messageOf } from '#std/errors';
import { readRights } from './rights.ts';
import { refuse, type Values } from './values.ts';

function readTls(values: Values): Bun.TLSOptions | undefined {
  const [cert, key, ca] = ['tls-cert', 'tls-key', 'tls-client-ca'].map((name) => values.text(name));
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined) throw refuse('TLS needs both tls-cert and tls-key');
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw refuse(`TLS: ${messageOf(error)}`);
    }
  };
  const clients = ca === undefined ? {} : { ca: read(ca), requestCert: true, rejectUnauthorized: true };
  return { cert: read(cert), key: read(key), ...clients };
}

/** The token server of another; undefined where there is none. */
function readToken(values: Values): AccessSettings['token'] {
  const names = ['token-realm', 'token-service', 'token-issuer', 'token-keys'];
  const [realm, service, issuer, keysFile] = names.map((name) => values.text(name));
  if (realm === undefined && service === undefined && issuer === undefined && keysFile === undefined) return undefined;
  if (realm === undefined || service === undefined || issuer === undefined || keysFile === undefined) {
    throw refuse(`tokens of another server need all of ${names.join(', ')}`);
  }
  if (!/^https?:\/\/[^\s"]+$/.test(realm) || !URL.canParse(realm)) throw refuse(`token-realm: ${realm} is no URL`);
  return { realm, service, issuer, keysFile };
}

/** What is set of access, which may be read again at any time. Throws `invalid-argument`. */
export function readAccess(values: Values, root: string): Pick<LiveOptions, 'guard' | 'policy' | 'tls'> {
  const [htpasswd, token, tls] = [values.text('htpasswd'), readToken(values), readTls(values)];
  if (values.isOn('issue-tokens') && htpasswd === undefined) throw refuse('issue-tokens needs htpasswd');
  if (token !== undefined && htpasswd !== undefined) {
    throw refuse('htpasswd and token-realm: people are known by one of them');
  }
  const guard = openAccess({
    realm: values.text('realm') ?? '',
    ...readRights(values),
    ...(htpasswd !== undefined && { htpasswd }),
    ...(token !== undefined && { token }),
    ...(values.isOn('issue-tokens') && {
      issue: { keyFile: join(root, 'access/token-key.pem'), service: 'estiba-registry' },
    }),
  });
  return { guard, policy: { readOnly: values.isOn('read-only') }, ...(tls !== undefined && { tls }) };
}
