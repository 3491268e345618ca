import type { FastifyInstance } from "fastify";
import { projectView } from "../queries/project.js";
import type { ServerParts } from "../parts.js";

/** The definitions in force. */
export function projectRoutes(server: FastifyInstance, { reads }: ServerParts): void {
  server.get("/api/project", () => projectView(reads));
}
