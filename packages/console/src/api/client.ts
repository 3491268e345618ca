import type { Failure } from "../../../engine/src/server/contract.js";

/** The only place that calls the engine. Failures become one error type that says what to do next. */

const timeoutMs = 60_000;

export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly next: string;

  constructor(status: number, code: string, message: string, next: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.next = next;
  }
}

type Parameters = Readonly<Record<string, string | number | undefined>>;

export function get<Answer>(path: string, parameters: Parameters = {}, signal?: AbortSignal): Promise<Answer> {
  return call<Answer>("GET", `${path}${queryOf(parameters)}`, signal);
}

export function post<Answer>(path: string): Promise<Answer> {
  return call<Answer>("POST", path);
}

/** One segment of a path. */
export function segment(value: string): string {
  return encodeURIComponent(value);
}

function queryOf(parameters: Parameters): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

async function call<Answer>(method: string, path: string, signal?: AbortSignal): Promise<Answer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { accept: "application/json" },
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError(
      0,
      "UNREACHABLE",
      "The engine did not answer.",
      "Check that `cambium up` is still running; this page tries again by itself.",
    );
  }
  if (response.ok) return (await response.json()) as Answer;
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  const failure = parse(text);
  if (failure !== undefined) return new ApiError(response.status, failure.error.code, failure.error.message, failure.error.next);
  return new ApiError(
    response.status,
    "UNREADABLE",
    `The engine answered ${response.status} ${response.statusText}`.trim(),
    "Look at the engine's log for this moment, then try again.",
  );
}

function parse(text: string): Failure | undefined {
  try {
    const body: unknown = JSON.parse(text);
    const isFailure = typeof body === "object" && body !== null && "error" in body && typeof body.error === "object" && body.error !== null;
    return isFailure ? (body as Failure) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
