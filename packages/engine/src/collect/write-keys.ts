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

  /** The first candidate that is a known key, with its source. */
  find(candidates: Iterable<unknown>): { readonly key: string; readonly source: string } | undefined {
    for (const candidate of candidates) {
      if (typeof candidate !== "string") continue;
      const source = this.#sources.get(candidate);
      if (source !== undefined) return { key: candidate, source };
    }
    return undefined;
  }
}
