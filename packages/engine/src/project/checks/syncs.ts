import type { Sync } from "../kinds/sync.js";
import type { Placed } from "../parse-definitions.js";
import type { PlacedModel } from "../parse-models.js";
import { suggestion } from "../problem.js";
import { checkCondition } from "./condition.js";
import { type Known, checkKind, checkName } from "./known.js";

const changeColumns = ["audience", "change", "happened_at", "cycle_id", "reason", "message_id", "change_id"];

export function checkSync(known: Known, at: Placed<Sync>, models: readonly PlacedModel[]): void {
  const sync = at.definition;
  checkName(known, at, ["destination"], "destination", sync.destination);
  checkModes(known, at);
  if (Object.keys(sync.mapping).length === 0 && sync.mode !== "add_remove") {
    known.report(at, ["mapping"], "The mapping is empty: nothing would be sent.", "Map at least one field: `email: email`.");
  }
  const kind = checkFrom(known, at, models);
  if (kind !== undefined) checkColumns(known, at, kind);
}

/** The entity kind behind the sync, if there is one and it is sound. */
function checkFrom(known: Known, at: Placed<Sync>, models: readonly PlacedModel[]): string | undefined {
  const { from } = at.definition;
  if ("entity" in from) {
    if (!checkKind(known, at, ["from", "entity"], from.entity)) return undefined;
    if (from.where !== undefined) checkCondition(known, { at, entity: from.entity, within: "sync" }, ["from", "where"], from.where);
    return from.entity;
  }
  if ("model" in from) {
    const names = models.map(({ model }) => model.name);
    if (!names.includes(from.model))
      known.report(at, ["from", "model"], `There is no model \`${from.model}\`.`, suggestion(from.model, names, "models"));
    return undefined;
  }
  const key = "audience" in from ? "audience" : "changes";
  const name = "audience" in from ? from.audience : from.changes;
  const isJudged = checkName(known, at, ["from", key], "audience", name) && !known.isBroken("audience", name);
  return isJudged ? known.audiences.get(name)?.entity : undefined;
}

function checkModes(known: Known, at: Placed<Sync>): void {
  const { from, mode, action, on_leave } = at.definition;
  if ("changes" in from && mode !== "append") {
    known.report(
      at,
      ["mode"],
      `Entries and exits of an audience are a log, and a log is appended, not \`${mode}\`.`,
      "Write `mode: append`.",
    );
  }
  if (mode === "append" && !("changes" in from) && !("model" in from)) {
    known.report(
      at,
      ["mode"],
      "`append` sends each row once, and entities are rows that change.",
      "Use `from: { changes: <audience> }`, a model, or `mode: upsert`.",
    );
  }
  if (mode === "add_remove" && !("audience" in from)) {
    known.report(
      at,
      ["mode"],
      "`add_remove` keeps a list equal to an audience, and this sync reads no audience.",
      "Use `from: { audience: … }`.",
    );
  }
  if (on_leave === "clear" && mode === "append")
    known.report(at, ["on_leave"], "Rows that are appended never leave.", "Remove `on_leave`.", "key");
  if (action === "") known.report(at, ["action"], "`action` is empty.", "Name an action of the destination, or leave the key out.");
}

/** Columns that exist for certain; those of models are known to the warehouse only. */
function checkColumns(known: Known, at: Placed<Sync>, kind: string): void {
  const { from, key, mapping } = at.definition;
  const columns = columnsOf(known, kind, "changes" in from);
  const check = (path: readonly PropertyKey[], column: string) => {
    const ofBroken = (["trait", "score", "audience"] as const).some(
      (each) => known.isBroken(each, column.replace(/_bucket$/, "")) || known.isBroken(each, column),
    );
    if (columns.has(column) || ofBroken) return;
    const remedy = suggestion(column, columns, "columns");
    known.report(at, path, `There is no column \`${column}\` of ${kind}: no trait, score or audience has this name.`, remedy);
  };
  if (key !== "key") check(["key"], key);
  for (const [field, value] of Object.entries(mapping)) {
    if (typeof value === "string") check(["mapping", field], value);
    else if ("column" in value) check(["mapping", field, "column"], value.column);
  }
}

function columnsOf(known: Known, kind: string, isLog: boolean): Set<string> {
  const parent = known.config?.entities[kind]?.parent;
  const scores = [...known.scores.values()].filter((score) => score.entity === kind).map((score) => score.name);
  return new Set([
    ...["key", "entity_id", "updated_at", "first_seen", "last_seen"],
    ...(parent === undefined ? [] : ["parent_key", `${parent}_key`]),
    ...known.traitNames(kind),
    ...scores.flatMap((score) => [score, `${score}_bucket`]),
    ...[...known.audiences.values()].filter((audience) => audience.entity === kind).map((audience) => audience.name),
    ...(isLog ? changeColumns : []),
  ]);
}
