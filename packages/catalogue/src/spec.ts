import type { ActionSpec, DestinationSpec, FieldSpec } from "./engine.js";
import type { CatalogueAction, CatalogueEntry, CatalogueField } from "./entry.js";

/** The catalogue's entry in the engine's words. */
export function specOf(entry: CatalogueEntry): DestinationSpec {
  return {
    type: `catalogue:${entry.slug}`,
    title: entry.name,
    pacesRequests: true,
    settings: [
      ...entry.settings.map((field) => ({ ...fieldSpec(field), secret: field.secret === true })),
      ...(entry.authScheme.startsWith("oauth")
        ? oauthSettings.filter((own) => !entry.settings.some((field) => field.name === own.name))
        : []),
      redirectSetting,
    ],
    actions: entry.actions.filter((action) => action.hidden !== true).map((action) => actionSpec(action, entry)),
  };
}

function actionSpec(action: CatalogueAction, entry: CatalogueEntry): ActionSpec {
  const modes = action.syncModes?.choices ?? [];
  const removes = action.membership || action.removeAction !== undefined || modes.includes("delete") || modes.includes("mirror");
  return {
    name: action.name,
    title: action.title,
    ...(action.description === undefined ? {} : { description: action.description }),
    fields: [
      ...action.fields.filter((field) => field.hidden !== true).map(fieldSpec),
      ...(entry.createsAudiences || action.membership ? audienceFields : []),
    ],
    batchRowsMax: action.batch ? action.batchRowsMax : singleRowsMax,
    modes: removes ? ["upsert", "mirror", "add_remove", "append"] : ["upsert", "append"],
  };
}

/** Rows in one call of an action that takes them one by one: what a deadline of minutes can hold. */
export const singleRowsMax = 200;

function fieldSpec(field: CatalogueField): FieldSpec {
  return {
    name: field.name,
    label: field.label,
    ...(field.description === undefined ? {} : { description: field.description }),
    type: field.type,
    required: field.required === true && (field.default === undefined || field.default === ""),
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
