import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '#linux/process';
import { fail } from '#std/errors';
import { openRecords } from '#store';
import { type Catalogue, openCatalogue } from './catalogue.ts';
import { type Content, openContent } from './content.ts';
import { type Leases, openLeases } from './leases.ts';
import { openUploads, type Uploads } from './uploads.ts';

/** All that a registry keeps, below its root. */
export interface RegistryStorage extends Disposable {
  readonly catalogue: Catalogue;
  readonly content: Content;
  readonly uploads: Uploads;
  readonly leases: Leases;
}

/** Opens (and makes) what a registry keeps below `root`; what nothing names stays for `graceMs`. Throws `conflict` when another process has it. */
export function openStorage(root: string, graceMs: number): RegistryStorage {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const lock = lockFile(join(root, 'registry.lock'));
  if (lock === undefined) throw fail('conflict', `another registry runs on ${root}`);
  const records = openRecords(join(root, 'registry.db'));
  const catalogue = openCatalogue(records);
  const content = openContent(join(root, 'blobs'));
  return {
    catalogue,
    content,
    leases: openLeases(catalogue, graceMs),
    uploads: openUploads(join(root, 'uploads'), catalogue, content),
    [Symbol.dispose]() {
      records[Symbol.dispose]();
      lock[Symbol.dispose]();
    },
  };
}
