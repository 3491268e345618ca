import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly method: string;
  /** The host that the destination's code wanted to reach. */
  readonly host: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Say nothing at all. */
  readonly hang?: boolean;
  /** Answer only after this long. */
  readonly delayMs?: number;
  /** Cut the connection instead of answering. */
  readonly reset?: boolean;
}

export type Answerer = (request: SeenRequest, index: number) => Answer | Promise<Answer>;

/** A real HTTP server on a free loopback port that records what it gets and answers as told. */
export async function localServer(initial: Answerer = () => ({ body: {} })) {
  const requests: SeenRequest[] = [];
  let answer = initial;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      void (async () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const seen: SeenRequest = {
          method: request.method ?? "GET",
          host: String(request.headers["x-destination-host"] ?? request.headers.host),
          path: request.url ?? "/",
          headers: request.headers,
          text,
          body: bodyOf(text),
        };
        requests.push(seen);
        const said = await answer(seen, requests.length - 1);
        if (said.hang === true) return;
        if (said.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, said.delayMs));
        if (said.reset === true) return void request.socket.destroy();
        const json = typeof said.body !== "string";
        response.writeHead(said.status ?? 200, { ...(json ? { "content-type": "application/json" } : {}), ...said.headers });
        response.end(json ? JSON.stringify(said.body ?? {}) : said.body);
      })();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    respond(next: Answerer) {
      answer = next;
      requests.length = 0;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export type LocalServer = Awaited<ReturnType<typeof localServer>>;

function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text; // CSV, forms
    throw error;
  }
}
