/**
 * The open-source package as we use it: its types are not trusted (they drag in ten packages), so this file says what we
 * call. Loaded with `require`, never through the package's root: that needs packages it does not declare.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export type Data = Record<string, unknown>;

export interface ExecuteInput {
  readonly mapping: Data;
  readonly settings: Data;
  readonly auth?: Data | undefined;
  readonly [host: string]: unknown;
}

/** One row's answer in a batch. */
export interface RowStatus {
  readonly status: number;
  readonly errormessage?: string;
  readonly errortype?: string;
  readonly errorreporter?: string;
  readonly body?: unknown;
}

export interface SegmentDestination {
  readonly definition: { readonly actions: Record<string, SegmentAction> };
  readonly actions: Record<string, { readonly schema?: Data; readonly definition: SegmentAction; readonly destinationName: string }>;
  responses: unknown[];
  readonly authentication?: { readonly scheme?: string; readonly fields?: Record<string, Data>; readonly refreshAccessToken?: unknown };
  executeBatch(action: string, input: ExecuteInput & { events: readonly Data[] }): Promise<(RowStatus | undefined)[]>;
  executeAction(action: string, input: ExecuteInput & { event: Data }): Promise<{ output?: string; data?: unknown }[]>;
  testAuthentication(settings: Data): Promise<void>;
  validateSettings(settings: Data): void;
  refreshAccessToken(settings: Data, oauth: Data): Promise<{ accessToken: string; refreshToken?: string } | undefined>;
}

export interface SegmentAction {
  readonly title: string;
  readonly fields: Record<string, Data>;
  readonly syncMode?: unknown;
  readonly performBatch?: unknown;
}

interface Core {
  readonly Destination: new (definition: Data) => SegmentDestination;
}

/** node-fetch's classes as the core re-exports them. */
export interface FetchModule {
  default: (input: unknown, init?: unknown) => Promise<FetchResponse>;
  readonly Request: new (input: unknown, init?: unknown) => FetchRequest;
  readonly Response: new (body: Buffer | null, init: Data) => FetchResponse;
}
export interface FetchRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Iterable<[string, string]>;
  readonly body: unknown;
  readonly redirect: string;
  readonly signal?: AbortSignal | null;
  clone(): FetchRequest;
  text(): Promise<string>;
  buffer(): Promise<Buffer>;
}
export interface FetchResponse {
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly headers: Iterable<[string, string]> & { get(name: string): string | null };
  buffer(): Promise<Buffer>;
}

const require = createRequire(__filename);
const coreFolder = dirname(require.resolve("@segment/actions-core"));
const core = require("@segment/actions-core") as Core;

/** Absolute paths are not blocked by the package's `exports`. */
export const fetchModule = require(join(coreFolder, "fetch.js")) as FetchModule;
export const { transform } = require(join(coreFolder, "mapping-kit", "index.js")) as { transform: (mapping: Data, event: Data) => Data };
const { removeEmptyValues } = require(join(coreFolder, "remove-empty-values.js")) as {
  removeEmptyValues: (payload: unknown, schema: unknown, isRoot?: boolean) => Data;
};
const { validateSchema } = require(join(coreFolder, "schema-validation.js")) as {
  validateSchema: (payload: Data, schema: Data, options: Data) => boolean;
};

const loaded = new Map<string, SegmentDestination>();

/**
 * The core names its schemas after titles ("HubSpot Cloud Mode (Actions):Upsert Contact"), which newer versions of its
 * URI parser refuse. Copies with plain names keep it working whatever version is installed.
 */
export function loadDestination(slug: string): SegmentDestination {
  const known = loaded.get(slug);
  if (known !== undefined) return known;
  const module = require(`@segment/action-destinations/dist/destinations/${slug}`) as { default?: Data } & Data;
  const definition = module.default ?? module;
  const actions = Object.fromEntries(
    Object.entries(definition["actions"] as Record<string, Data>).map(([name, action]) => [name, { ...action, title: name }]),
  );
  const destination = new core.Destination({ ...definition, name: `d-${slug}`, actions });
  loaded.set(slug, destination);
  return destination;
}

/** The payload of one row, as the action would see it. Throws what the action's own validation would. */
export function payloadOf(destination: SegmentDestination, action: string, mapping: Data, event: Data): Data {
  const found = destination.actions[action];
  if (found === undefined) throw new Error(`there is no action ${action}`);
  const payload = removeEmptyValues(transform(mapping, event), found.schema, true);
  if (found.schema !== undefined) {
    validateSchema(payload, found.schema, {
      schemaKey: `${found.destinationName}:${action}`,
      throwIfInvalid: true,
      exempt: ["dynamicAuthSettings"],
    });
  }
  return payload;
}
