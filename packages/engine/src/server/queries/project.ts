import type { ProjectView } from "../contract.js";
import { entityCounts } from "../../observe/figures.js";
import type { Reads } from "../reads.js";
import { definitionView, versionsOf } from "./definitions.js";
import { kindOfSync } from "./deliveries.js";

/** The project's definitions for display. Write keys and destination settings stay on the server. */
export async function projectView(reads: Reads): Promise<ProjectView> {
  const { project } = reads;
  const versions = await versionsOf(reads);
  const counts = await reads.use((connection) =>
    entityCounts(
      connection,
      project.entities.map((entity) => entity.kind),
    ),
  );
  return {
    name: project.config.name,
    title: project.config.title ?? project.config.name,
    timezone: project.timezone,
    fingerprint: project.fingerprint,
    entities: project.entities.map((entity) => ({
      kind: entity.kind,
      title: entity.title,
      plural: entity.plural,
      isGroup: entity.isGroup,
      parent: entity.parent ?? null,
      nameTrait: entity.name_trait ?? null,
      count: counts.get(entity.kind) ?? 0,
    })),
    identifiers: project.identifiers.map(({ type, priority, limit }) => ({ type, priority, limit: limit ?? null })),
    sources: project.sources.map(({ write_keys: keys, ...source }) =>
      definitionView("source", source, null, versions, { ...source, write_keys: `${keys.length} keys` }),
    ),
    traits: project.traits.flatMap((trait) => {
      const kinds = [trait.entity].flat();
      return kinds.map((kind) => definitionView("trait", trait, kind, versions, trait, `${kinds.join("+")}.${trait.name}`));
    }),
    scores: project.scores.map((score) => definitionView("score", score, score.entity, versions)),
    audiences: project.audiences.map((audience) => definitionView("audience", audience, audience.entity, versions)),
    models: project.models.map((model) => definitionView("model", model, null, versions)),
    destinations: project.destinations.map((destination) =>
      definitionView("destination", destination, null, versions, { ...destination, settings: Object.keys(destination.settings) }),
    ),
    syncs: project.syncs.map((sync) => definitionView("sync", sync, kindOfSync(project, sync), versions)),
  };
}
