import { CambiumError } from "../base/errors.js";
import type { RequestTrace, RowOutcome } from "./destination.js";

/**
 * Secrets: `${ENV_NAME}` in a destination's settings is filled in at delivery, and every trace of the value is taken out
 * of whatever is stored, shown or logged. Neither the value nor anything derived from it leaves this module otherwise.
 */

export interface FilledSettings {
  readonly settings: Readonly<Record<string, unknown>>;
  /** The values that were filled in. */
  readonly secrets: readonly string[];
}

const placeholder = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Shorter values would redact every other word; a secret of fewer characters protects nothing. */
const secretCharactersMin = 4;

const redacted = "[redacted]";

/** Replaces `${NAME}` anywhere in the settings. A missing variable is an error that names it. */
export function fillSecrets(destination: string, settings: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv): FilledSettings {
  const secrets = new Set<string>();
  const fill = (value: unknown): unknown => {
    if (typeof value === "string") {
      return value.replace(placeholder, (_, variable: string) => {
        const secret = env[variable];
        if (secret === undefined || secret === "") {
          throw new CambiumError(
            "DESTINATION_AUTH",
            `destination ${destination} needs the environment variable ${variable}, which is not set`,
          );
        }
        secrets.add(secret);
        return secret;
      });
    }
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value === "object" && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
    return value;
  };
  const filled = fill(settings) as Record<string, unknown>;
  return { settings: Object.freeze(filled), secrets: [...secrets] };
}

/** Settings for a dry run on a machine without the secrets: placeholders that are not set stay as they are. */
export function fillKnownSecrets(destination: string, settings: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv): FilledSettings {
  const names = [...JSON.stringify(settings).matchAll(placeholder)].map(([, variable = ""]) => variable);
  return fillSecrets(destination, settings, { ...Object.fromEntries(names.map((variable) => [variable, `\${${variable}}`])), ...env });
}

/** A function that takes the secrets, in every form they travel in, out of a text. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const forms = secrets
    .filter((secret) => secret.length >= secretCharactersMin)
    .flatMap((secret) => {
      const base64 = Buffer.from(secret).toString("base64");
      return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), base64, base64.replace(/=+$/, "")];
    })
    .sort((a, b) => b.length - a.length);
  const unique = [...new Set(forms)];
  return (text) => unique.reduce((rest, form) => rest.replaceAll(form, redacted), text);
}

/** Headers whose value is never stored, whatever it holds. */
const secretHeaders =
  /^(authorization|proxy-authorization|cookie|set-cookie|x-api-key|api-key|x-auth-token|x-signature|.*(token|secret).*)$/i;

export function redactTrace(trace: RequestTrace, redact: (text: string) => string): RequestTrace {
  const headers = (all: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(all).map(([header, value]) => [header, secretHeaders.test(header) ? redacted : redact(value)]));
  const text = (value: string | undefined) => (value === undefined ? undefined : redact(value));
  return {
    ...trace,
    url: redact(trace.url),
    requestHeaders: headers(trace.requestHeaders),
    requestBody: text(trace.requestBody),
    responseHeaders: trace.responseHeaders === undefined ? undefined : headers(trace.responseHeaders),
    responseBody: text(trace.responseBody),
    error: text(trace.error),
  };
}

export function redactOutcome(outcome: RowOutcome, redact: (text: string) => string): RowOutcome {
  return "reason" in outcome ? { ...outcome, reason: redact(outcome.reason) } : outcome;
}
