import type { Audience } from "./kinds/audience.js";
import type { Config, EntityRule, IdentifierRule } from "./kinds/config.js";
import type { DestinationDefinition } from "./kinds/destination.js";
import type { Model } from "./kinds/model.js";
import type { Score } from "./kinds/score.js";
import type { Source } from "./kinds/source.js";
import type { Sync } from "./kinds/sync.js";
import type { Trait } from "./kinds/trait.js";

/** An entity kind with its rules filled in; `user` is always first, then group kinds from the leaves to the roots. */
export interface EntityKind extends EntityRule {
  readonly kind: string;
  readonly title: string;
  readonly plural: string;
  /** Absent for `user`. */
  readonly isGroup: boolean;
}

/** A growth project, checked and frozen: everything the stages need to know, and nothing they must check again. */
export interface Project {
  readonly dir: string;
  readonly config: Config;
  readonly timezone: string;
  readonly entities: readonly EntityKind[];
  readonly identifiers: readonly IdentifierRule[];
  readonly sources: readonly Source[];
  readonly traits: readonly Trait[];
  readonly scores: readonly Score[];
  readonly audiences: readonly Audience[];
  readonly models: readonly Model[];
  readonly destinations: readonly DestinationDefinition[];
  readonly syncs: readonly Sync[];
  /** Ids of each manual list, by the file's path as audiences name it. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** Hash over everything above: changes when any definition does. */
  readonly fingerprint: string;
  /** Hash over what the loop computes from: another one means that every entity is looked at again. */
  readonly loopFingerprint: string;
}

export function entityOf(project: Project, kind: string): EntityKind {
  const entity = project.entities.find((candidate) => candidate.kind === kind);
  if (entity === undefined) throw new RangeError(`no entity kind ${kind}`);
  return entity;
}

/** Traits of a kind; a trait defined for several kinds appears for each. */
export function traitsOf(project: Pick<Project, "traits">, kind: string): Trait[] {
  return project.traits.filter((trait) => (Array.isArray(trait.entity) ? trait.entity.includes(kind) : trait.entity === kind));
}

export function groupKinds(project: Project): EntityKind[] {
  return project.entities.filter((entity) => entity.isGroup);
}
