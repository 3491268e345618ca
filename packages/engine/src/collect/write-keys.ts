/** Which source a write key belongs to. Keys are not secrets: browsers carry them. */
export interface CollectorSource {
  readonly name: string;
  readonly writeKeys: readonly string[];
}

export class WriteKeys {
  #sources = new Map<string, string>();

  constructor(sources: readonly CollectorSource[]) {
    this.replace(sources);
  }

  replace(sources: readonly CollectorSource[]): void {
    this.#sources = new Map(sources.flatMap((source) => source.writeKeys.map((key) => [key, source.name])));
  }

  has(key: string): boolean {
    return this.#sources.has(key);
  }

  /** The source of the first candidate that is a known key. */
  sourceOf(candidates: Iterable<unknown>): string | undefined {
    for (const candidate of candidates) {
      const source = typeof candidate === "string" ? this.#sources.get(candidate) : undefined;
      if (source !== undefined) return source;
    }
    return undefined;
  }
}
