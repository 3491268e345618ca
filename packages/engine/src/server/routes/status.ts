import type { FastifyInstance } from "fastify";
import { readOverview, readStatus } from "../queries/overview.js";
import { runs } from "../queries/runs.js";
import type { ServerParts } from "../parts.js";

/** The loop as a whole: overview, status, runs, the stream, and what monitors ask. */
export function statusRoutes(server: FastifyInstance, { engine, reads, stream, metrics }: ServerParts): void {
  server.get("/api/overview", () => readOverview(engine, reads));
  server.get("/api/status", () => readStatus(engine, reads));
  server.get("/api/runs", () => runs(reads));
  server.get("/api/stream", (request, reply) => stream.open(request, reply));
  server.get("/healthz", () => ({ ok: true, ...leaseOf(engine) }));
  server.get("/metrics", async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
}

function leaseOf({ lease }: ServerParts["engine"]) {
  return lease === undefined
    ? {}
    : { role: "conductor", term: lease.term, mayDeliver: lease.isHeld, renewedSeconds: lease.renewedMsAgo / 1_000 };
}
