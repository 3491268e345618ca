import type { FastifyInstance } from "fastify";
import { audienceRequest } from "../contract.js";
import { parseRequest } from "../failures.js";
import { audienceDetail, audienceList } from "../queries/audiences.js";
import type { ServerParts } from "../parts.js";

/** Audiences, their members, and who came and went. */
export function audienceRoutes(server: FastifyInstance, { reads }: ServerParts): void {
  server.get("/api/audiences", () => audienceList(reads));
  server.get<{ Params: { name: string } }>("/api/audiences/:name", (request) =>
    audienceDetail(reads, request.params.name, parseRequest(audienceRequest, request.query)),
  );
}
