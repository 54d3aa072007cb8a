import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fail, messageOf } from '#std/errors';

/** Paths of PEM files. With an authority only clients that it signed are let in. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authority?: string;
}

/** The same, read and found good. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string | undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw fail(
      'invalid-argument',
      `open ${path}: ${code === 'ENOENT' ? 'no such file or directory' : messageOf(error)}`,
    );
  }
}

function parseCertificate(text: string, path: string): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(text);
  } catch {
    throw fail('invalid-argument', `${path} holds no certificate`);
  }
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  if (Date.now() > to) throw fail('invalid-argument', `the certificate in ${path} expired at ${certificate.validTo}`);
  if (Date.now() < from) {
    throw fail('invalid-argument', `the certificate in ${path} is not valid before ${certificate.validFrom}`);
  }
  return certificate;
}

/** Reads what TLS needs. Throws `invalid-argument` that names the file and what is wrong with it. */
export function readTls(files: TlsFiles): TlsMaterial {
  const pair = `(cert: ${JSON.stringify(files.certificate)}, key: ${JSON.stringify(files.key)})`;
  let certificate: string;
  let key: string;
  try {
    certificate = readText(files.certificate);
    key = readText(files.key);
    const matches = parseCertificate(certificate, files.certificate).checkPrivateKey(createPrivateKey(key));
    if (!matches) throw fail('invalid-argument', 'the key is not the one of the certificate');
  } catch (error) {
    throw fail(
      'invalid-argument',
      `invalid TLS configuration: could not load X509 key pair ${pair}: ${messageOf(error)}`,
    );
  }
  if (files.authority === undefined) return { certificate, key, authority: undefined };
  try {
    const authority = readText(files.authority);
    parseCertificate(authority, files.authority);
    return { certificate, key, authority };
  } catch (error) {
    const path = JSON.stringify(files.authority);
    throw fail(
      'invalid-argument',
      `invalid TLS configuration: could not read CA certificate ${path}: ${messageOf(error)}`,
    );
  }
}
