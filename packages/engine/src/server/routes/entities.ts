import type { FastifyInstance } from "fastify";
import { CambiumError } from "../../base/errors.js";
import { entitiesRequest, explainRequest, timelineRequest } from "../contract.js";
import { parseRequest } from "../failures.js";
import { entitiesPage } from "../queries/entities.js";
import { findEntity } from "../queries/find-entity.js";
import { profileOf } from "../queries/profile.js";
import { timelineOf } from "../queries/timeline.js";
import type { ServerParts } from "../parts.js";

interface Of {
  Params: { kind: string; id: string };
}

/** Users, workspaces, accounts: search, profile, timeline, explanations. */
export function entityRoutes(server: FastifyInstance, { engine, reads }: ServerParts): void {
  server.get<{ Params: { kind: string } }>("/api/entities/:kind", (request) =>
    entitiesPage(reads, request.params.kind, parseRequest(entitiesRequest, request.query)),
  );
  server.get<Of>("/api/entities/:kind/:id", (request) => profileOf(reads, request.params.kind, request.params.id));
  server.get<Of>("/api/entities/:kind/:id/timeline", async (request) => {
    const asked = parseRequest(timelineRequest, request.query);
    const { id } = await findEntity(reads, request.params.kind, request.params.id);
    return timelineOf(reads, request.params.kind, id, asked);
  });
  server.get<Of>("/api/entities/:kind/:id/explain", async (request) => {
    const asked = parseRequest(explainRequest, request.query);
    if (Object.values(asked).filter((value) => value !== undefined).length > 1) {
      throw new CambiumError("BAD_REQUEST", "explain takes one of trait, score, audience and sync, or none");
    }
    const { kind } = request.params;
    const { id } = await findEntity(reads, kind, request.params.id);
    return engine.explain({ kind, entityId: id, ...asked });
  });
}
