import { readFile } from "node:fs/promises";
import path from "node:path";
import type { z } from "zod";
import { CambiumError, type ErrorCode, errorCodes, messageOf } from "../base/errors.js";
import { failure } from "../server/contract.js";
import { stateDir } from "./find-project.js";

/**
 * Talks to the running engine over its HTTP API. A running server says where it is in `.cambium/server.json`; the file
 * of one that died is not believed.
 */

export interface ServerInfo {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
}

export interface ServerClient {
  readonly info: ServerInfo;
  get<T>(answer: z.ZodType<T>, route: string, query?: Readonly<Record<string, string | undefined>>): Promise<T>;
  post<T>(answer: z.ZodType<T>, route: string, body?: unknown): Promise<T>;
}

/** What the project's server says about itself, if its process lives. */
export async function serverInfo(projectDir: string): Promise<ServerInfo | undefined> {
  let text: string;
  try {
    text = await readFile(path.join(stateDir(projectDir), "server.json"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const info = parseInfo(text);
  return info !== undefined && isAlive(info.pid) ? info : undefined;
}

export function connectTo(info: ServerInfo): ServerClient {
  const call = async <T>(answer: z.ZodType<T>, method: string, route: string, body?: unknown): Promise<T> => {
    const response = await send(info, method, route, body);
    const content: unknown = await response.json().catch((error: unknown) => {
      throw new CambiumError("INTERNAL", `The server's answer to ${route} is no JSON: ${messageOf(error)}`);
    });
    if (!response.ok) throw errorFrom(content, response.status, route);
    return answer.parse(content);
  };
  return {
    info,
    get: (answer, route, query = {}) => call(answer, "GET", route + queryText(query)),
    post: (answer, route, body) => call(answer, "POST", route, body),
  };
}

async function send(info: ServerInfo, method: string, route: string, body: unknown): Promise<Response> {
  const headers: Record<string, string> = { authorization: `Bearer ${info.token}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    return await fetch(new URL(route, info.url), { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  } catch (cause) {
    const message = `The server at ${info.url} does not answer, though its process ${info.pid} lives.`;
    throw new CambiumError("DESTINATION_UNAVAILABLE", message, { cause });
  }
}

/** The server's error, as if it had been thrown here. */
function errorFrom(content: unknown, status: number, route: string): CambiumError {
  const parsed = failure.safeParse(content);
  if (!parsed.success) return new CambiumError("INTERNAL", `The server answered ${route} with ${status}.`);
  const { code, message, details } = parsed.data.error;
  return new CambiumError(code in errorCodes ? (code as ErrorCode) : "INTERNAL", message, { details });
}

function queryText(query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}

function parseInfo(text: string): ServerInfo | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // Half written by a process that died: as good as none.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { url, token, pid } = value as Record<string, unknown>;
  return typeof url === "string" && typeof token === "string" && typeof pid === "number" ? { url, token, pid } : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
