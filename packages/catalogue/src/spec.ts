import type { ActionSpec, DestinationSpec, FieldSpec } from "./engine.js";
import { impliedMapping, readsEvent } from "./default-mapping.js";
import type { CatalogueAction, CatalogueEntry, CatalogueField } from "./entry.js";

/** The catalogue's entry in the engine's words. */
export function specOf(entry: CatalogueEntry): DestinationSpec {
  return {
    type: `catalogue:${entry.slug}`,
    title: entry.name,
    pacesRequests: true,
    settings: [
      ...entry.settings.map((field) => ({
        ...fieldSpec(field, field.default !== undefined && field.default !== ""),
        secret: field.secret === true,
      })),
      ...(entry.authScheme.startsWith("oauth")
        ? oauthSettings.filter((own) => !entry.settings.some((field) => field.name === own.name))
        : []),
      redirectSetting,
    ],
    actions: entry.actions.filter((action) => action.hidden !== true).map((action) => actionSpec(action, entry)),
  };
}

function actionSpec(action: CatalogueAction, entry: CatalogueEntry): ActionSpec {
  const implied = impliedMapping(action);
  const syncModes = action.syncModes?.choices ?? [];
  // Taking a row out of a list is not deleting the record: a mirror asks for the one, `add_remove` for the other.
  const deletes = syncModes.includes("delete") || action.removeAction?.startsWith("delete") === true;
  const lists = action.membership || syncModes.includes("mirror") || (action.removeAction !== undefined && !deletes);
  return {
    name: action.name,
    title: action.title,
    ...(action.description === undefined ? {} : { description: action.description }),
    fields: [
      ...action.fields.filter((field) => isForPeople(field, implied)).map((field) => fieldSpec(field, field.name in implied)),
      ...(entry.createsAudiences || action.membership ? audienceFields : []),
    ],
    batchRowsMax: action.batch ? action.batchRowsMax : singleRowsMax,
    modes: ["upsert", ...(lists || deletes ? (["mirror"] as const) : []), ...(lists ? (["add_remove"] as const) : []), "append"],
  };
}

/** Rows in one call of an action that takes them one by one: what a deadline of minutes can hold. */
export const singleRowsMax = 200;

/** Some hidden fields are filled from Segment's events; from rows, only a mapping can. */
const isForPeople = (field: CatalogueField, implied: Readonly<Record<string, unknown>>) =>
  field.hidden !== true || (field.default !== undefined && readsEvent(field.default) && !(field.name in implied));

/** `filled`: without a mapping the field has a value all the same. */
function fieldSpec(field: CatalogueField, filled: boolean): FieldSpec {
  return {
    name: field.name,
    label: field.label,
    ...(field.description === undefined ? {} : { description: field.description }),
    type: field.type,
    required: field.required === true && !filled,
  };
}

const secretText = (name: string, label: string, description: string) =>
  ({ name, label, description, type: "password", required: false, secret: true }) as const;

const oauthSettings = [
  secretText("access_token", "Access token", "A token of an app of yours (a private app's token, for example)."),
  secretText("refresh_token", "Refresh token", "With client id and secret: renews the access token when it runs out."),
  { name: "client_id", label: "Client id", description: "Of your OAuth app.", type: "string", required: false, secret: false },
  secretText("client_secret", "Client secret", "Of your OAuth app."),
] as const;

const redirectSetting = {
  name: "redirect_to",
  label: "Redirect to",
  description: "A loopback address that gets every request instead of the real destination: for trying things out.",
  type: "string",
  required: false,
  secret: false,
} as const;

const audienceFields: readonly FieldSpec[] = [
  {
    name: "audience.key",
    label: "Audience name",
    description: "The audience's name at the destination; the sync's name unless given.",
    type: "string",
    required: false,
  },
  {
    name: "audience.external_id",
    label: "Audience id at the destination",
    description: "For destinations whose audiences have ids of their own.",
    type: "string",
    required: false,
  },
];
