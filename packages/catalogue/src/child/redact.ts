import type { RequestTrace } from "../engine.js";
import type { Exchange } from "./exchange.js";

/** Traces are stored and shown: whatever opens a door is taken out of them here, before they leave the child. */

const bodyCharactersMax = 16_000;
const secretCharactersMin = 4;
const mark = "[redacted]";

const secretName = /(authorization|api[-_]?key|(^|[-_])key$|token|secret|passw|credential|signature|cookie|session)/i;
const secretMember = /"([\w-]*(?:token|secret|api_?key|passw(?:ord)?|authorization))"(\s*:\s*)"(?:[^"\\]|\\.)*"/gi;
/** The path is the secret. */
const secretPaths = /^(hooks\.slack\.com|hooks\.zapier\.com|[\w.-]*\.webhook\.office\.com|discord\.com)$/;

export function redacted(exchange: Exchange, secrets: readonly string[]): RequestTrace {
  const clean = cleaner(secrets);
  return {
    requestId: exchange.requestId,
    method: exchange.method,
    url: clean(cleanUrl(exchange.url)),
    requestHeaders: cleanHeaders(exchange.headers, clean),
    requestBody: exchange.body === undefined ? undefined : short(clean(exchange.body)),
    status: exchange.status,
    responseHeaders: exchange.responseHeaders === undefined ? undefined : cleanHeaders(exchange.responseHeaders, clean),
    responseBody: exchange.responseBody === undefined ? undefined : short(clean(exchange.responseBody)),
    millis: exchange.millis,
    error: exchange.error === undefined ? undefined : clean(exchange.error),
  };
}

/** Takes out the secrets' values in every form in which they travel: as they are, in a URL, in JSON. */
export function cleaner(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(
    secrets
      .filter((secret) => secret.length >= secretCharactersMin)
      .flatMap((secret) => [
        secret,
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
        Buffer.from(secret).toString("base64"),
      ]),
  );
  const longestFirst = [...forms].sort((left, right) => right.length - left.length);
  return (text) => longestFirst.reduce((result, form) => result.split(form).join(mark), text).replace(secretMember, `"$1"$2"${mark}"`);
}

function cleanHeaders(headers: Readonly<Record<string, string>>, clean: (text: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, secretName.test(name) ? mark : clean(value)]));
}

function cleanUrl(href: string): string {
  const url = new URL(href);
  if (url.username !== "" || url.password !== "") url.username = url.password = "";
  if (secretPaths.test(url.hostname)) url.pathname = `/${mark}`;
  for (const name of [...url.searchParams.keys()]) if (secretName.test(name)) url.searchParams.set(name, mark);
  return url.href.replaceAll(encodeURIComponent(mark), mark);
}

const short = (text: string) =>
  text.length <= bodyCharactersMax ? text : `${text.slice(0, bodyCharactersMax)}… (${text.length} characters)`;
