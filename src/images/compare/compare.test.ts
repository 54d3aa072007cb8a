import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { dockerArchive, openFixture, tar } from '../fixture.ts';

function dpkg(...packages: readonly [string, string][]): string {
  return packages
    .map(([name, version]) => `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\n`)
    .join('\n');
}

/** An RPM header with three texts, in the database that rpm keeps. */
function rpmDatabase(name: string, version: string, release: string): Buffer {
  const texts = [name, version, release];
  const index = texts.map((_, place) => {
    const entry = Buffer.alloc(16);
    const offset = texts.slice(0, place).reduce((sum, text) => sum + text.length + 1, 0);
    for (const [word, value] of [1000 + place, 6, offset, 1].entries()) entry.writeUInt32BE(value, word * 4);
    return entry;
  });
  const data = Buffer.from(texts.map((text) => `${text}\0`).join(''));
  const counts = Buffer.alloc(8);
  counts.writeUInt32BE(texts.length, 0);
  counts.writeUInt32BE(data.length, 4);
  using database = new Database(':memory:');
  database.run('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)');
  database.run('INSERT INTO Packages (blob) VALUES (?)', [Buffer.concat([counts, ...index, data])]);
  const bytes = Buffer.from(database.serialize());
  // As rpm leaves it: with a write-ahead log.
  bytes[18] = bytes[19] = 2;
  return bytes;
}

const base = tar(
  { path: 'etc/', type: 'directory', mode: 0o755 },
  { path: 'etc/conf', content: 'one' },
  { path: 'etc/same', content: 'same' },
  { path: 'old/a', content: '12345' },
  { path: 'old/b/c', content: '678' },
  { path: 'var/lib/dpkg/status', content: dpkg(['kept', '1'], ['gone', '2'], ['changed', '3']) },
  { path: 'lib/apk/db/installed', content: 'P:musl\nV:1.2\n\n' },
);
const top = tar(
  { path: 'etc/conf', content: 'other' },
  { path: 'etc/same', content: 'same', modifiedSeconds: 99 },
  { path: 'etc/new', type: 'symlink', linkPath: '/outside' },
  { path: '.wh.old', content: '' },
  { path: 'var/lib/dpkg/status', content: dpkg(['kept', '1'], ['changed', '4'], ['came', '5']) },
  { path: 'var/lib/dpkg/status.d/single', content: 'Package: single\nVersion: 6\n' },
  { path: 'usr/lib/sysimage/rpm/rpmdb.sqlite', content: rpmDatabase('bash', '5.2', '1.el9') },
  { path: Buffer.from('näme').toString('latin1'), content: 'x' },
);

test('image diff: files, packages, configuration and what is shared', async () => {
  await using fixture = await openFixture();
  const { images } = fixture;
  await fixture.load(dockerArchive([base], ['app:1'], { config: { Env: ['A=1', 'B=2'], Labels: { kind: 'x' } } }));
  const config = { Env: ['A=1', 'B=3', 'C=4'], User: 'web', ExposedPorts: { '80/tcp': {} } };
  await fixture.load(dockerArchive([base, top], ['app:2'], { config }));
  const { Files, Packages, Config, SharedLayers, SharedSize, Before, After } = await images.compare('app:1', 'app:2');
  expect(Before).toMatchObject({ Names: ['docker.io/library/app:1'.replace('docker.io/library/', '')], Layers: 1 });
  expect(After.Layers).toBe(2);
  expect([SharedLayers, SharedSize]).toEqual([1, Before.Size]);
  const shown = Files.filter(({ Path }) => !/^\/(?:usr|var)/.test(Path));
  expect(
    shown.map((file) => [file.Kind, file.Path, ...file.What, file.Files, file.SizeBefore, file.SizeAfter]),
  ).toEqual([
    ['changed', '/etc/conf', 'contents', 1, 3, 5],
    ['added', '/etc/new', 1, 0, 8],
    ['added', '/näme', 1, 0, 1],
    ['removed', '/old', 2, 8, 0],
  ]);
  expect(Packages).toEqual([
    { Manager: 'dpkg', Name: 'came', After: '5' },
    { Manager: 'dpkg', Name: 'changed', Before: '3', After: '4' },
    { Manager: 'dpkg', Name: 'gone', Before: '2' },
    { Manager: 'dpkg', Name: 'single', After: '6' },
    { Manager: 'rpm', Name: 'bash', After: '5.2-1.el9' },
  ]);
  expect(Config).toEqual([
    { Field: 'Env', Key: 'B', Before: '2', After: '3' },
    { Field: 'Env', Key: 'C', After: '4' },
    { Field: 'ExposedPorts', Key: '80/tcp', After: {} },
    { Field: 'Labels', Key: 'kind', Before: 'x' },
    { Field: 'User', After: 'web' },
  ]);
  expect((await images.compare('app:2', 'app:1')).Files.find(({ Path }) => Path === '/old')?.Kind).toBe('added');
  expect(await images.compare('app:2', 'app:2')).toMatchObject({ Files: [], Packages: [], Config: [] });
  expect(images.compare('app:1', 'none')).rejects.toThrow('No such image: none:latest');
});

test('image tree: images below the layers that they share, with who uses them', async () => {
  await using fixture = await openFixture();
  const { images, users } = fixture;
  const layer = (name: string): Buffer => tar({ path: name, content: 'x'.repeat(10) });
  await fixture.load(dockerArchive([layer('a'), layer('b')], ['one:1']));
  await fixture.load(dockerArchive([layer('a'), layer('b'), layer('c')], ['two:1']));
  await fixture.load(dockerArchive([layer('a'), layer('b'), layer('d'), layer('e')], ['three:1']));
  await fixture.load(dockerArchive([layer('z')], ['apart:1']));
  users.push({ imageId: images.inspect('two:1').Id, containerId: 'c1', running: true });
  const { Roots } = images.tree([]);
  expect(Roots.map(({ Layers, Sharers }) => [Layers.length, Sharers])).toEqual([
    [1, 1],
    [2, 3],
  ]);
  const shared = images.tree(['three:1']).Roots;
  expect(shared).toEqual(Roots.slice(1));
  expect(shared[0]).toMatchObject({
    Size: 20,
    Images: [{ Names: ['one:1'], Size: 20, SharedSize: 20, Containers: [] }],
  });
  expect(shared[0]?.Children.map(({ Size, Images }) => [Size, Images[0]?.Names[0], Images[0]?.SharedSize])).toEqual([
    [20, 'three:1', 20],
    [10, 'two:1', 20],
  ]);
  expect(shared[0]?.Children[1]?.Images[0]?.Containers).toEqual([{ Id: 'c1', Running: true }]);
  expect(() => images.tree(['none'])).toThrow('No such image: none:latest');
});

test('what everything takes on the disk is what du says', async () => {
  await using fixture = await openFixture();
  await fixture.importTar('app', [{ path: 'file', content: 'x'.repeat(300_000) }]);
  await fixture.images.settled();
  const { Total, Shares, Root } = await fixture.images.diskShares();
  const du = Bun.spawnSync(['du', '-sx', '--block-size=1', Root]).stdout.toString();
  expect(Total).toBe(Number(/^\d+/.exec(du)?.[0]));
  expect(Shares.find(({ Kind }) => Kind === 'layers')?.Size).toBeGreaterThanOrEqual(300_000);
  expect(Shares.map(({ Kind }) => Kind)).toEqual(expect.arrayContaining(['blobs', 'manifests', 'records', 'layers']));
});
