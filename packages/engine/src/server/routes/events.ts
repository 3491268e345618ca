import type { FastifyInstance } from "fastify";
import { eventsRequest, quarantineRequest } from "../contract.js";
import { parseRequest } from "../failures.js";
import { newestEvents } from "../queries/events.js";
import { quarantine } from "../queries/quarantine.js";
import type { ServerParts } from "../parts.js";

/** Live events and what could not become one. */
export function eventRoutes(server: FastifyInstance, { reads }: ServerParts): void {
  server.get("/api/events", (request) => newestEvents(reads, parseRequest(eventsRequest, request.query)));
  server.get("/api/quarantine", (request) => quarantine(reads, parseRequest(quarantineRequest, request.query)));
}
