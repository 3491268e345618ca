import type { FastifyInstance } from "fastify";
import type { ServerParts } from "../parts.js";

interface OfProfile {
  Params: { kind: string; id: string };
}

interface OfMembership {
  Params: { kind: string; id: string; audience: string };
}

/** What products ask while they serve a page: answered from memory. */
export function decisionRoutes(server: FastifyInstance, { model }: ServerParts): void {
  server.get<OfProfile>("/v1/profiles/:kind/:id", (request) => model.profile(request.params.kind, request.params.id));
  server.get<OfMembership>("/v1/memberships/:kind/:id/:audience", (request) =>
    model.membership(request.params.kind, request.params.id, request.params.audience),
  );
}
