import { Database } from 'bun:sqlite';

/** A package that is installed in a tree. */
export interface InstalledPackage {
  readonly manager: 'dpkg' | 'apk' | 'rpm';
  /** With its architecture where the manager may have several at once. */
  readonly name: string;
  readonly version: string;
}

/** Reads a tree: a file's contents (undefined when it is none), and the names of the files in a directory. */
export interface TreeReader {
  read(path: string): Buffer | undefined;
  list(path: string): string[];
}

const rpmTags = { name: 1000, version: 1001, release: 1002, architecture: 1022 };
const rpmTexts = new Set([6, 8, 9]);
const rpmEntryBytes = 16;
/** SQLite file format, 1.3: 2 stands for a write-ahead log, which a database in memory cannot have. */
const journalOffsets = [18, 19];

function fieldsOf(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of paragraph.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !/^\s/.test(line)) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}

/** deb-control paragraphs of dpkg's status file; those that are only configured or half there are left out. */
function parseDpkg(text: string): InstalledPackage[] {
  return text.split(/\n\s*\n/).flatMap((paragraph) => {
    const fields = fieldsOf(paragraph);
    const [name, version, status] = [fields.get('Package'), fields.get('Version'), fields.get('Status')];
    if (name === undefined || version === undefined) return [];
    if (status !== undefined && !/ installed$/.test(status)) return [];
    return [{ manager: 'dpkg' as const, name, version }];
  });
}

/** apk's database: paragraphs of one-letter fields. */
function parseApk(text: string): InstalledPackage[] {
  return text.split(/\n\s*\n/).flatMap((paragraph) => {
    const fields = fieldsOf(paragraph);
    const [name, version] = [fields.get('P'), fields.get('V')];
    return name === undefined || version === undefined ? [] : [{ manager: 'apk' as const, name, version }];
  });
}

/** A header of RPM (file format, "The Header Structure") without its lead: counts, an index of tags, their data. */
function parseRpmHeader(header: Buffer): InstalledPackage | undefined {
  const entries = header.readUInt32BE(0);
  const data = 8 + entries * rpmEntryBytes;
  const texts = new Map<number, string>();
  for (let at = 8; at < data; at += rpmEntryBytes) {
    if (!rpmTexts.has(header.readUInt32BE(at + 4))) continue;
    const start = data + header.readUInt32BE(at + 8);
    texts.set(header.readUInt32BE(at), header.toString('utf8', start, header.indexOf(0, start)));
  }
  const [name, version, release] = [rpmTags.name, rpmTags.version, rpmTags.release].map((tag) => texts.get(tag));
  if (name === undefined || version === undefined) return undefined;
  const architecture = texts.get(rpmTags.architecture);
  return {
    manager: 'rpm',
    name: architecture === undefined ? name : `${name}.${architecture}`,
    version: release === undefined ? version : `${version}-${release}`,
  };
}

function parseRpm(content: Buffer): InstalledPackage[] {
  const bytes = Buffer.from(content);
  for (const offset of journalOffsets) bytes[offset] = 1;
  try {
    using database = Database.deserialize(bytes, { readonly: true });
    const rows = database.query<{ blob: Uint8Array }, []>('SELECT blob FROM Packages').all();
    return rows.flatMap(({ blob }) => parseRpmHeader(Buffer.from(blob)) ?? []);
  } catch {
    // A stranger's file: what cannot be read names no package.
    return [];
  }
}

/** The packages that a tree's package managers know of: dpkg (also of images without dpkg), apk, and rpm's SQLite database. */
export function packagesOf(tree: TreeReader): InstalledPackage[] {
  const texts = (paths: readonly string[]): string[] =>
    paths.flatMap((path) => tree.read(path)?.toString('utf8') ?? []);
  const apart = '/var/lib/dpkg/status.d';
  const single = tree.list(apart).filter((name) => !name.endsWith('.md5sums'));
  const dpkg = texts(['/var/lib/dpkg/status', ...single.map((name) => `${apart}/${name}`)]);
  const apk = texts(['/lib/apk/db/installed', '/usr/lib/apk/db/installed']);
  const rpm = ['/var/lib/rpm', '/usr/lib/sysimage/rpm'].flatMap((path) => tree.read(`${path}/rpmdb.sqlite`) ?? []);
  return [...dpkg.flatMap(parseDpkg), ...apk.flatMap(parseApk), ...rpm.flatMap(parseRpm)];
}

/** A package that is not the same on both sides. */
export interface PackageDifference {
  readonly manager: InstalledPackage['manager'];
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

/** What packages came, went and changed their version, by name. */
export function comparePackages(
  before: readonly InstalledPackage[],
  after: readonly InstalledPackage[],
): PackageDifference[] {
  const versions = (packages: readonly InstalledPackage[]): Map<string, string> =>
    new Map(
      [...Map.groupBy(packages, ({ manager, name }) => `${manager} ${name}`)].map(([key, same]) => [
        key,
        same.map(({ version }) => version).join(', '),
      ]),
    );
  const [left, right] = [versions(before), versions(after)];
  return [...new Set([...left.keys(), ...right.keys()])].sort().flatMap((key) => {
    const [one, other] = [left.get(key), right.get(key)];
    if (one === other) return [];
    const [manager = '', name = ''] = key.split(' ');
    return {
      manager: manager as InstalledPackage['manager'],
      name,
      ...(one === undefined ? {} : { before: one }),
      ...(other === undefined ? {} : { after: other }),
    };
  });
}
