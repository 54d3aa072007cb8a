/** Which containers use which volumes, and how many times each. */
export class Uses {
  readonly #counts = new Map<string, Map<string, number>>();

  add(volume: string, containerId: string): void {
    const counts = this.#counts.get(volume) ?? new Map<string, number>();
    this.#counts.set(volume, counts.set(containerId, (counts.get(containerId) ?? 0) + 1));
  }

  /** Takes one use away; tells whether it was the container's last one, or undefined when there was none. */
  drop(volume: string, containerId: string): { isLast: boolean } | undefined {
    const counts = this.#counts.get(volume);
    const count = counts?.get(containerId);
    if (counts === undefined || count === undefined) return undefined;
    if (count > 1) {
      counts.set(containerId, count - 1);
      return { isLast: false };
    }
    counts.delete(containerId);
    if (counts.size === 0) this.#counts.delete(volume);
    return { isLast: true };
  }

  /** Takes every use of a container away. */
  dropContainer(containerId: string): void {
    for (const [volume, counts] of [...this.#counts]) {
      counts.delete(containerId);
      if (counts.size === 0) this.#counts.delete(volume);
    }
  }

  has(volume: string): boolean {
    return this.#counts.has(volume);
  }

  of(volume: string): string[] {
    return [...(this.#counts.get(volume)?.keys() ?? [])];
  }

  clear(): void {
    this.#counts.clear();
  }
}
