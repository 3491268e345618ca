import type { FastifyInstance } from "fastify";
import { queryRequest, verifyRequest } from "../contract.js";
import { parseRequest } from "../failures.js";
import { runQuery } from "../queries/query.js";
import type { ServerParts } from "../parts.js";

/** Questions to the warehouse itself: SQL that only reads, and whether incremental equals full. */
export function queryRoutes(server: FastifyInstance, { engine }: ServerParts): void {
  server.post("/api/query", (request) => runQuery(engine.warehouse, parseRequest(queryRequest, request.body)));
  server.post("/api/verify", (request) => engine.verify(parseRequest(verifyRequest, request.body)));
}
