import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

function openssl(directory: string, ...words: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(['openssl', ...words], {
    cwd: directory,
    stderr: 'pipe',
    stdout: 'ignore',
  });
  if (exitCode !== 0) throw new Error(`openssl ${words.join(' ')}: ${stderr.toString()}`);
}

/** Makes an authority, `NAME.pem` and `NAME.key` in the directory. */
export function makeAuthority(directory: string, name: string): void {
  openssl(directory, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  const words = ['-x509', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-days', '2', '-out', `${name}.pem`];
  openssl(directory, 'req', ...words, '-addext', 'basicConstraints=critical,CA:TRUE');
}

interface CertificateOptions {
  readonly name: string;
  readonly authority: string;
  readonly use: 'server' | 'client';
  readonly days?: number;
  /** Further IP addresses that it is for. */
  readonly addresses?: readonly string[];
}

/** Makes a certificate for this machine that the authority signed; with `days` -1 it has expired. */
export function makeCertificate(
  directory: string,
  { name, authority, use, days = 2, addresses = [] }: CertificateOptions,
): void {
  openssl(directory, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  openssl(directory, 'req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
  const names = ['IP:127.0.0.1', 'DNS:localhost', ...addresses.map((address) => `IP:${address}`)].join();
  const extensions = `subjectAltName=${names}\nextendedKeyUsage=${use}Auth\n`;
  writeFileSync(join(directory, `${name}.ext`), extensions);
  const signer = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
  const out = ['-days', String(days), '-extfile', `${name}.ext`, '-out', `${name}.pem`];
  openssl(directory, 'x509', '-req', '-in', `${name}.csr`, ...signer, ...out);
}
