/** The calls about files, of containers that have none. */
export abstract class MemoryContainerFiles {
  /** Throws when there is no such container. */
  protected abstract check(name: string): void;

  async statPath(name: string) {
    this.check(name);
    return { name: 'x', size: 1, mode: 0o644, mtime: '2026-01-01T00:00:00Z', linkTarget: '' };
  }
  async getArchive(name: string) {
    return { stat: await this.statPath(name), content: Buffer.alloc(1024) };
  }
  async putArchive(name: string): Promise<void> {
    this.check(name);
  }
  async export(name: string) {
    this.check(name);
    return new Response(Buffer.alloc(1024)).body ?? new ReadableStream<Uint8Array>();
  }
  async changes(name: string): Promise<string> {
    this.check(name);
    return 'null\n';
  }
  async commit(name: string): Promise<string> {
    this.check(name);
    return 'sha256:cc';
  }
}
