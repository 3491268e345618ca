import type { FastifyInstance } from "fastify";
import { syncRequest } from "../contract.js";
import { parseRequest } from "../failures.js";
import { findSync, syncDetail, syncList } from "../queries/syncs.js";
import type { ServerParts } from "../parts.js";

interface Of {
  Params: { name: string };
}

/** Syncs: how they stand, and what a person may ask of them. */
export function syncRoutes(server: FastifyInstance, { engine, reads }: ServerParts): void {
  server.get("/api/syncs", () => syncList(reads));
  server.get<Of>("/api/syncs/:name", (request) => syncDetail(reads, request.params.name, parseRequest(syncRequest, request.query)));
  server.post<Of>("/api/syncs/:name/dry-run", (request) => engine.dryRun(findSync(reads, request.params.name).name));
  server.post<Of>("/api/syncs/:name/run", (request) => engine.runSync(findSync(reads, request.params.name).name));
  server.post<Of>("/api/syncs/:name/confirm", (request) => engine.confirmSync(findSync(reads, request.params.name).name));
}
