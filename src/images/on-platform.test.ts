import { afterAll, beforeAll, expect, test } from 'bun:test';
import { digestOf, encodedOf, mediaTypes, parsePlatform } from '#oci';
import { configFor, dockerArchive, type ImagesFixture, openFixture, streamOf, tar } from './fixture.ts';

let fixture: ImagesFixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const arm = parsePlatform('linux/arm64');
const amd = parsePlatform('linux/amd64');
const layer = tar({ path: 'etc/one', content: 'one' });
const other = tar({ path: 'etc/two', content: 'two' });

async function load(archive: Uint8Array, platform = amd): Promise<unknown[]> {
  return Array.fromAsync(fixture.images.load(streamOf(archive), { quiet: true, platform }));
}

test('an image of another platform is there, and is not what was asked for', async () => {
  await fixture.load(dockerArchive([layer], ['amd:1']));
  await fixture.load(dockerArchive([other], ['arm:1'], { architecture: 'arm64', variant: 'v8' }));
  const { images } = fixture;
  const told =
    'image with reference amd:1 was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)';
  const refused = { kind: 'not-found', message: told };
  const remove = (name: string) => images.remove(name, { force: true, noPrune: false, platform: arm });
  const asked = [
    async () => images.inspect('amd:1', arm),
    async () => images.history('amd:1', arm),
    async () => images.resolve('amd:1', arm),
    () => remove('amd:1'),
  ];
  for (const ask of asked) await expect(ask()).rejects.toMatchObject(refused);
  expect(images.inspect('arm:1', arm).Architecture).toBe('arm64');
  const unsuitable = 'no suitable export target found for platform linux/arm64';
  await expect(images.save(['arm:1', 'amd:1'], arm)).rejects.toMatchObject({ kind: 'internal', message: unsuitable });
  await (await images.save(['arm:1'], arm)).cancel();
  await expect(images.save(['nosuch'], arm)).rejects.toThrow('No such image: nosuch');
  await remove('arm:1');
  expect(fixture.list()).toEqual(['amd:1']);
});

test('of an archive what is for the platform is loaded, by either of its layouts', async () => {
  const several = dockerArchive([layer], ['two:amd']);
  expect(await load(several, arm)).toEqual([{}]);
  const contents: Buffer[] = [];
  const put = (content: Buffer, mediaType: string) => {
    contents.push(content);
    return { mediaType, digest: digestOf(content), size: content.length };
  };
  const manifests = (['amd64', 'arm64'] as const).map((architecture) => {
    const tars = architecture === 'amd64' ? [layer] : [other];
    const config = put(configFor(tars, { architecture }), mediaTypes.config);
    const layers = tars.map((bytes) => put(bytes, mediaTypes.layer));
    const manifest = put(Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers })), mediaTypes.manifest);
    return { ...manifest, platform: { os: 'linux', architecture } };
  });
  const index = put(Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })), mediaTypes.index);
  const named = { ...index, annotations: { 'io.containerd.image.name': 'docker.io/library/many:1' } };
  const archive = tar(
    { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: [named] }) },
    ...contents.map((content) => ({ path: `blobs/sha256/${encodedOf(digestOf(content))}`, content })),
  );
  expect(await load(archive, arm)).toEqual([{ stream: 'Loaded image: many:1\n' }]);
  expect(fixture.images.inspect('many:1').Architecture).toBe('arm64');
  expect(await load(archive, parsePlatform('linux/s390x'))).toEqual([{}]);
  expect((await load(archive)).at(-1)).toEqual({ stream: 'Loaded image: many:1\n' });
  expect(fixture.images.inspect('many:1').Architecture).toBe('amd64');
});
