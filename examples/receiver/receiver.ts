import http from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { openApis } from "./apis/apis.js";
import type { Api, ApiAnswer } from "./apis/api.js";
import { faultsOf, type Fault, type FaultInput } from "./faults.js";
import { hooks } from "./hooks.js";
import { overviewPage, requestsPage, toolPage } from "./page.js";
import { requestRecords } from "./records.js";
import { type Tool, toolsOf } from "./tools.js";

/**
 * A real HTTP server that stands for the outside tools, on loopback only. Requests that the catalogue redirects here name
 * the tool's host in `x-destination-host`; webhooks come to `/hooks/<name>`; `/slack/…` is Slack. What was received is
 * shown at `/`, as JSON at `/state`; `PUT /faults` makes trouble.
 */
export interface ReceiverOptions {
  /** 0 takes a free one. */
  readonly port?: number;
  readonly faults?: readonly FaultInput[];
  /** Also writes every request to this file, as JSON lines; a full one makes room by becoming `<file>.1`. */
  readonly recordFile?: string;
  /** Signing secrets by hook: a request whose signature is wrong or too old is answered 401. */
  readonly secrets?: Readonly<Record<string, string>>;
}

export interface Receiver {
  readonly port: number;
  readonly url: string;
  /** `127.0.0.1:<port>`, for the `allow` list of destinations. */
  readonly host: string;
  tools(): readonly Tool[];
  /** Requests received so far. */
  requests(): number;
  setFaults(faults: readonly FaultInput[]): void;
  close(): Promise<void>;
}

const bodyBytesMax = 20_000_000;

export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const apis = openApis();
  const received = hooks();
  const faults = faultsOf(options.faults ?? []);
  const records = requestRecords(options.recordFile);
  const tools = () => toolsOf(apis.all, received.tables());

  const server = http.createServer((request, response) => {
    readBody(request)
      .then(async (text) => {
        const url = new URL(request.url ?? "/", "http://receiver");
        const own = ownPage(request.method ?? "GET", url.pathname, text);
        if (own !== undefined) return send(response, own);
        const place = placeOf(request, url.pathname, apis);
        const fault = faults.next(`${place.tool} ${url.pathname}`);
        const answer =
          fault === undefined ? place.answer(request, text, undefined) : await troubled(fault, () => place.answer(request, text, fault));
        records.add({
          at: new Date().toISOString(),
          tool: place.tool,
          method: request.method ?? "",
          path: request.url ?? "",
          headers: plain(request.headers),
          body: text,
          bytes: Buffer.byteLength(text),
          status: answer?.status ?? 0,
          answer: answer === undefined ? "" : textOfAnswer(answer),
        });
        if (answer === undefined) request.socket.resetAndDestroy();
        else send(response, answer);
        return undefined;
      })
      .catch((thrown: unknown) => {
        if (!response.headersSent) send(response, { status: 413, body: { error: String(thrown) } });
      });
  });

  function ownPage(method: string, path: string, text: string): ApiAnswer | undefined {
    const html = (page: string): ApiAnswer => ({ status: 200, headers: { "content-type": "text/html; charset=utf-8" }, body: page });
    if (method === "GET" && path === "/") return html(overviewPage(tools(), records, faults.list()));
    if (method === "GET" && path === "/requests") return html(requestsPage(records));
    if (method === "GET" && path.startsWith("/tools/")) {
      const tool = tools().find((one) => one.name === decodeURIComponent(path.slice("/tools/".length)));
      return tool === undefined ? { status: 404, body: { error: "no such tool" } } : html(toolPage(tool));
    }
    if (method === "GET" && path === "/state") return { status: 200, body: { requests: records.count(), tools: tools() } };
    if (method === "PUT" && path === "/faults") {
      try {
        faults.set(JSON.parse(text) as FaultInput[]);
        return { status: 200, body: faults.list() };
      } catch (thrown) {
        return { status: 400, body: { error: String(thrown) } };
      }
    }
    return undefined;
  }

  function placeOf(request: http.IncomingMessage, path: string, known: ReturnType<typeof openApis>) {
    const host = String(request.headers["x-destination-host"] ?? "");
    const api: Api | undefined = host !== "" ? known.find(host) : path.startsWith("/slack/") ? known.all["slack"] : undefined;
    const hook = /^\/hooks\/([^/]+)/.exec(path)?.[1] ?? (host === "" && api === undefined ? "other" : undefined);
    const tool = hook ?? Object.entries(known.all).find(([, one]) => one === api)?.[0] ?? host;
    return {
      tool,
      answer(from: http.IncomingMessage, text: string, fault: Fault | undefined): ApiAnswer {
        if (hook !== undefined && !isSigned(options.secrets?.[hook], from.headers, text))
          return { status: 401, body: { error: "wrong signature" } };
        if (hook !== undefined) return received.take(hook, text, fault);
        if (api === undefined) return { status: 200, body: {} };
        return api.answer({ method: from.method ?? "GET", path: from.url ?? "/", headers: from.headers, text });
      },
    };
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    tools,
    requests: () => records.count(),
    setFaults: (next) => faults.set(next),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      await records.close();
    },
  };
}

/** As any receiver would check it, with the library that Standard Webhooks publishes. */
function isSigned(secret: string | undefined, headers: http.IncomingHttpHeaders, text: string): boolean {
  if (secret === undefined) return true;
  try {
    new Webhook(secret).verify(text, plain(headers));
    return true;
  } catch (thrown) {
    if (thrown instanceof WebhookVerificationError) return false;
    throw thrown;
  }
}

/** The answer under a fault; undefined cuts the connection. A reset comes after the request was taken, as the worst ones do. */
async function troubled(fault: Fault, answer: () => ApiAnswer): Promise<ApiAnswer | undefined> {
  switch (fault.type) {
    case "status": {
      const pause = fault.retry_after_seconds;
      return {
        status: fault.status,
        headers: pause === undefined ? {} : { "retry-after": String(pause) },
        body: { error: "trouble on purpose" },
      };
    }
    case "slow":
      await new Promise((resolve) => void setTimeout(resolve, fault.millis));
      return answer();
    case "reset":
      answer();
      return undefined;
    case "half_broken":
      return answer();
  }
}

function readBody(request: http.IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) reject(new RangeError(`more than ${bodyBytesMax} bytes`));
      else chunks.push(chunk);
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
  });
}

function send(response: http.ServerResponse, answer: ApiAnswer): void {
  const isText = typeof answer.body === "string";
  response.writeHead(answer.status, { "content-type": isText ? "text/plain; charset=utf-8" : "application/json", ...answer.headers });
  response.end(textOfAnswer(answer));
}

function textOfAnswer(answer: ApiAnswer): string {
  if (answer.body === undefined) return "";
  return typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
}

function plain(headers: http.IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([header, value]) => [header, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
}
