import { CambiumError } from "../../base/errors.js";
import type { DestinationDefinition } from "../../project/kinds/destination.js";
import type { Destination, DestinationSpec } from "../destination.js";
import { fileDestination } from "./file/file.js";
import { fileSpec } from "./file/spec.js";
import { postgresDestination } from "./postgres/postgres.js";
import { postgresSpec } from "./postgres/spec.js";
import { slackDestination } from "./slack/slack.js";
import { slackSpec } from "./slack/spec.js";
import { webhookSpec } from "./webhook/spec.js";
import { webhookDestination } from "./webhook/webhook.js";

/** The list of our own destinations, and the function that finds the one behind a definition. */

export interface DestinationParts {
  /** The project's folder: relative paths of the file destination start there. */
  readonly projectDir: string;
  /** Destinations of the catalogue by slug; absent where the package is not installed. */
  readonly catalogueDestination?: ((slug: string) => Destination) | undefined;
}

const own: Readonly<Record<string, (parts: DestinationParts) => Destination>> = {
  webhook: () => webhookDestination(),
  postgres: () => postgresDestination(),
  slack: () => slackDestination(),
  file: (parts) => fileDestination(parts),
};

export const ownDestinationTypes: readonly string[] = Object.keys(own);

/** What each says about itself, without making one. */
export const ownDestinationSpecs: Readonly<Record<string, DestinationSpec>> = {
  webhook: webhookSpec,
  postgres: postgresSpec,
  slack: slackSpec,
  file: fileSpec,
};

/** Destinations by definition, each made once per type; `close` ends their connections. */
export function destinationsBehind(parts: DestinationParts): {
  of(definition: DestinationDefinition): Destination;
  close(): Promise<void>;
} {
  const made = new Map<string, Destination>();
  const make = (type: string): Destination => {
    const factory = own[type];
    if (factory !== undefined) return factory(parts);
    const slug = /^catalogue:(.+)$/.exec(type)?.[1];
    if (slug !== undefined && parts.catalogueDestination !== undefined) return parts.catalogueDestination(slug);
    throw new CambiumError(
      "PROJECT_INVALID",
      `there is no destination of type ${type}; ours are ${ownDestinationTypes.join(", ")}, others are catalogue:<slug>`,
    );
  };
  return {
    of(definition) {
      const destination = made.get(definition.type) ?? make(definition.type);
      made.set(definition.type, destination);
      return destination;
    },
    async close() {
      await Promise.all([...made.values()].map((destination) => destination.close?.()));
      made.clear();
    },
  };
}
