import type { FastifyInstance } from "fastify";
import { testModels } from "../../model/test-models.js";
import { type ModelTests, queryRequest, verifyRequest } from "../contract.js";
import { parseRequest } from "../failures.js";
import { runQuery } from "../queries/query.js";
import type { ServerParts } from "../parts.js";

/** Questions to the warehouse itself: SQL that only reads, tests of models, and whether incremental equals full. */
export function queryRoutes(server: FastifyInstance, { engine, reads }: ServerParts): void {
  server.post("/api/query", (request) => runQuery(engine.warehouse, parseRequest(queryRequest, request.body)));
  server.post("/api/models/test", async (): Promise<ModelTests> => ({
    tests: await reads.use((connection) => testModels(connection, reads.project)),
  }));
  server.post("/api/verify", (request) => engine.verify(parseRequest(verifyRequest, request.body)));
}
