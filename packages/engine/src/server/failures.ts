import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { ZodError, z } from "zod";
import { CambiumError, messageOf } from "../base/errors.js";
import type { Failure } from "./contract.js";

/** The one place where what was thrown becomes an HTTP status and a `failure` body. */
export function failureHandler(onError: (where: string, thrown: unknown) => void) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = cambiumErrorOf(thrown);
    if (error.status >= 500 && error.code !== "BUSY") onError(`${request.method} ${request.routeOptions.url ?? "unknown"}`, error);
    if (error.code === "BUSY") void reply.header("retry-after", "1");
    const status = isClientError(thrown) ? (thrown.statusCode ?? error.status) : error.status;
    return reply.code(status).header("cache-control", "no-store").send(failureOf(error));
  };
}

export function failureOf(error: CambiumError): Failure {
  return { error: { code: error.code, message: error.message, next: error.next, details: { ...error.details } } };
}

/** Parses what a client sent; says which field is wrong. */
export function parseRequest<T extends z.ZodType>(schema: T, candidate: unknown): z.infer<T> {
  const parsed = schema.safeParse(candidate ?? {});
  if (parsed.success) return parsed.data;
  throw badRequestOf(parsed.error);
}

function cambiumErrorOf(thrown: unknown): CambiumError {
  if (thrown instanceof CambiumError) return thrown;
  if (thrown instanceof ZodError) return badRequestOf(thrown);
  if (isClientError(thrown)) return new CambiumError("BAD_REQUEST", thrown.message, { cause: thrown, details: { reason: thrown.code } });
  return new CambiumError("INTERNAL", messageOf(thrown), { cause: thrown });
}

function badRequestOf(error: ZodError): CambiumError {
  const issues = error.issues.map((issue) => ({ path: issue.path.map(String).join("."), message: issue.message }));
  const first = issues[0];
  return new CambiumError(
    "BAD_REQUEST",
    `${first?.path === "" || first === undefined ? "request" : first.path}: ${first?.message ?? "invalid"}`,
    {
      details: { issues },
    },
  );
}

/** Fastify's own errors about the request: body too large, not JSON, … */
function isClientError(thrown: unknown): thrown is FastifyError {
  if (!(thrown instanceof Error) || !("statusCode" in thrown)) return false;
  return typeof thrown.statusCode === "number" && thrown.statusCode >= 400 && thrown.statusCode < 500;
}
