import type { FastifyInstance } from "fastify";
import { scoreDetail, scoreList } from "../queries/scores.js";
import type { ServerParts } from "../parts.js";

/** Scores and how they are distributed. */
export function scoreRoutes(server: FastifyInstance, { reads }: ServerParts): void {
  server.get("/api/scores", () => scoreList(reads));
  server.get<{ Params: { name: string } }>("/api/scores/:name", (request) => scoreDetail(reads, request.params.name));
}
