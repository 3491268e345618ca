/** What a simulator of an outside API is: a function from request to answer, with its records in memory. */

export interface ApiRequest {
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The body as it came. */
  readonly text: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON unless it is a string. */
  readonly body?: unknown;
}

export interface Api {
  /** Hosts that this simulator stands for: a name, or a suffix that starts with a dot. */
  readonly hosts: readonly string[];
  readonly answer: (request: ApiRequest) => ApiAnswer;
  /** What the tool would show now: records by their id. */
  readonly records: () => Readonly<Record<string, readonly Json[]>>;
}

export type Json = { readonly [key: string]: unknown };

/** Records kept by one simulator at most; the oldest go first. */
export const recordsMax = 50_000;

/** A map that forgets its oldest records when it is full. */
export function boundedMap<Value>(): Map<string, Value> {
  const map = new Map<string, Value>();
  const { set } = map;
  map.set = (key, value) => {
    set.call(map, key, value);
    const oldest = map.size > recordsMax ? map.keys().next().value : undefined;
    if (oldest !== undefined) map.delete(oldest);
    return map;
  };
  return map;
}

export function jsonOf(text: string): Json {
  try {
    return objectOf(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return {}; // APIs answer 400 for it further on
    throw error;
  }
}

export const objectOf = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
export const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(objectOf) : []);
export const textOf = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";

export const pathOf = (request: ApiRequest): URL => new URL(request.path, "http://api");

/** `Bearer <anything>`; simulators do not keep accounts, they only insist on credentials. */
export function bearerOf(request: ApiRequest): string | undefined {
  return /^Bearer (\S+)$/.exec(String(request.headers["authorization"] ?? ""))?.[1];
}
