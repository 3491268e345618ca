import { BlockList, isIP } from "node:net";
import { type CatalogueOptions, catalogueDefaults, type ChildPool, type ChildWants } from "./catalogue.js";
import { type CallListener, ChildGone } from "./catalogue-child.js";
import { CambiumError, type DeliveryContext, type Destination, type DestinationRow, messageOf, type RowOutcome } from "./engine.js";
import type { CatalogueAction, CatalogueEntry } from "./entry.js";
import type { CallContext } from "./protocol.js";
import { singleRowsMax, specOf } from "./spec.js";

/** Rows that a single-row action delivers at once. */
const singlesAtOnce = 8;
/** Rows that cross to the child in one message. */
const callRowsMax = 2_000;

/** A destination of the catalogue behind the engine's interface. */
export function makeDestination(entry: CatalogueEntry, pool: ChildPool, options: CatalogueOptions): Destination {
  const spec = specOf(entry);
  return {
    spec,
    async verify(context) {
      const { wants, call } = callOf(entry, context, options);
      const answer = await pool.call(wants, { type: "verify", ...call }, context, context.signal).catch(unavailable);
      if (answer.type !== "refused") return;
      throw new CambiumError(answer.auth ? "DESTINATION_AUTH" : "DESTINATION_UNAVAILABLE", `${entry.name}: ${answer.reason}`);
    },
    async deliver(rows, context) {
      const action = actionOf(entry, context.action);
      const removing = entry.actions.find((other) => other.name === action.removeAction);
      const { wants, call } = callOf(entry, context, options);
      const secrets = [...call.secrets, ...passwordsOf(rows, action)];
      const outcomes: RowOutcome[] = [];
      for (const part of partsOf(rows, action)) {
        const deliver = {
          type: "deliver" as const,
          ...call,
          secrets,
          mode: context.mode,
          action: bare(action),
          removeAction: removing && bare(removing),
          rows: part,
          dryRun: context.dryRun,
        };
        outcomes.push(...(await deliverPart(pool, wants, deliver, context)));
      }
      return outcomes;
    },
  };
}

type Part = Parameters<ChildPool["call"]>[1] & { readonly rows: readonly DestinationRow[] };

async function deliverPart(pool: ChildPool, wants: ChildWants, part: Part, context: DeliveryContext): Promise<readonly RowOutcome[]> {
  const settled = new Map<number, RowOutcome>();
  const otherwise = (reason: string): RowOutcome[] => part.rows.map((_, index) => settled.get(index) ?? { outcome: "retry", reason });
  const listener: CallListener = {
    pace: context.pace,
    trace: (trace) => context.trace(trace),
    settled: (rows) => {
      for (const [index, outcome] of rows) settled.set(index, outcome);
    },
  };
  try {
    const answer = await pool.call(wants, part, listener, context.signal);
    return otherwise(answer.type === "refused" ? answer.reason : "the destination process told no outcome for this row");
  } catch (error) {
    if (error instanceof ChildGone) return otherwise(error.message);
    throw error;
  }
}

function callOf(entry: CatalogueEntry, context: DeliveryContext, options: CatalogueOptions): { wants: ChildWants; call: CallContext } {
  const redirectTo = redirectOf(context.settings["redirect_to"] ?? options.redirectTo);
  const allow = redirectTo === undefined ? context.allow : [...context.allow, new URL(redirectTo).host];
  return {
    wants: { slug: entry.slug, allow, allowOnly: redirectTo !== undefined, environment: entry.environment },
    call: {
      slug: entry.slug,
      settings: context.settings,
      secrets: secretsOf(entry, context.settings, options),
      sync: context.sync,
      now: context.now,
      allow: context.allow,
      redirectTo,
      paced: context.pace !== undefined && !context.dryRun,
      requestTimeoutMs: options.requestTimeoutMs ?? catalogueDefaults.requestTimeoutMs,
      concurrency: singlesAtOnce,
    },
  };
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Only to this machine: a setting that sends customers' data anywhere else would be a hole. */
function redirectOf(value: unknown): string | undefined {
  if (value === undefined || value === "") return undefined;
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  const host = url?.hostname.replace(/^\[|\]$/g, "") ?? "";
  const version = isIP(host);
  const local = host === "localhost" || (version !== 0 && loopback.check(host, version === 6 ? "ipv6" : "ipv4"));
  if (url === undefined || !local) {
    throw new CambiumError("EGRESS_DENIED", `redirect_to must be a loopback address such as http://127.0.0.1:8080, not ${String(value)}`);
  }
  return url.href;
}

function secretsOf(entry: CatalogueEntry, settings: Readonly<Record<string, unknown>>, options: CatalogueOptions): string[] {
  const names = new Set([
    "access_token",
    "refresh_token",
    "client_secret",
    ...entry.settings.filter((field) => field.secret).map((field) => field.name),
  ]);
  const environment = options.environment ?? process.env;
  const values = [...[...names].map((name) => settings[name]), ...entry.environment.map((name) => environment[name])];
  return values.filter((value): value is string => typeof value === "string");
}

/** Some actions take passwords as fields. */
function passwordsOf(rows: readonly DestinationRow[], action: CatalogueAction): string[] {
  const names = action.fields.filter((field) => field.type === "password").map((field) => field.name);
  return [...new Set(rows.flatMap((row) => names.map((name) => row.fields[name])))].filter(
    (value): value is string => typeof value === "string",
  );
}

function actionOf(entry: CatalogueEntry, name: string): CatalogueAction {
  const found = entry.actions.find((action) => action.name === name);
  if (found !== undefined) return found;
  throw new CambiumError(
    "BAD_REQUEST",
    `${entry.name} has no action "${name}"; it has ${entry.actions.map((action) => action.name).join(", ")}`,
  );
}

const bareActions = new WeakMap<CatalogueAction, CatalogueAction>();

/** Without the texts for people: an action crosses to the child with every call. */
function bare(action: CatalogueAction): CatalogueAction {
  const known = bareActions.get(action);
  if (known !== undefined) return known;
  const fields = action.fields.map(({ name, type, default: value, hidden }) => ({
    name,
    label: "",
    type,
    required: false,
    ...(value === undefined ? {} : { default: value }),
    ...(hidden === true ? { hidden } : {}),
  }));
  const { description: _, ...rest } = action;
  const result = { ...rest, fields };
  bareActions.set(action, result);
  return result;
}

function* partsOf(rows: readonly DestinationRow[], action: CatalogueAction): Generator<readonly DestinationRow[]> {
  const size = action.batch ? callRowsMax : singleRowsMax;
  for (let start = 0; start < rows.length; start += size) yield rows.slice(start, start + size);
}

function unavailable(error: unknown): { type: "refused"; reason: string; auth: boolean } {
  if (error instanceof ChildGone) return { type: "refused", reason: messageOf(error), auth: false };
  throw error;
}
