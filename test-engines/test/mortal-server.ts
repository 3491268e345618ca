import http from "node:http";
import type { AddressInfo, Socket } from "node:net";

/**
 * Stands between a program and its server and fails when told, at a certain request: what the program then sees is what
 * its own death, a lost connection or a long pause would leave on the server.
 */
export interface MortalServer {
  readonly url: string;
  /** Requests since the last call of `fail` or `heal`. */
  readonly requests: number;
  /** Statements that came, since then. */
  readonly statements: readonly string[];
  /**
   * At this request from now: `never` arrives, and none after it does; arrives but is never `answered`, and none after it
   * arrives; is `lost` (never arrives) or its `answer` is, while later ones pass; is held till `release`.
   */
  fail(at: number, how: "never" | "unanswered" | "lost" | "answer-lost" | "held"): void;
  release(): void;
  heal(): void;
  close(): Promise<void>;
}

export async function mortalServer(target: string): Promise<MortalServer> {
  const sockets = new Set<Socket>();
  let requests = 0;
  let statements: string[] = [];
  let failing: { at: number; how: "never" | "unanswered" | "lost" | "answer-lost" | "held" } | undefined;
  let held: (() => void)[] = [];
  const server = http.createServer((request, response) => {
    requests += 1;
    const own = requests;
    const chunks: Buffer[] = [];
    request.on("error", () => undefined);
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const inUrl = new URL(request.url ?? "/", target).searchParams.get("query");
      statements.push(inUrl ?? body.toString("utf8"));
      const how = failing === undefined || own < failing.at ? undefined : own === failing.at ? failing.how : after(failing.how);
      if (how === "never" || how === "lost") return void request.socket.destroy();
      if (how === "held") return void held.push(() => forward(body));
      forward(body, how === "unanswered" || how === "answer-lost");
    });

    function forward(body: Buffer, isLost = false): void {
      const headers = { ...request.headers, host: new URL(target).host, "content-length": String(body.length) };
      delete (headers as Record<string, unknown>)["transfer-encoding"];
      const onward = http.request(target + (request.url ?? "/"), { method: request.method, headers }, (answer) => {
        if (isLost) {
          answer.resume();
          answer.on("end", () => request.socket.destroy());
          return;
        }
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      onward.on("error", () => request.socket.destroy());
      onward.end(body);
    }
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const start = () => {
    requests = 0;
    statements = [];
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests;
    },
    get statements() {
      return statements;
    },
    fail(at, how) {
      start();
      failing = { at, how };
    },
    release() {
      failing = undefined;
      const waiting = held;
      held = [];
      for (const go of waiting) go();
    },
    heal() {
      start();
      failing = undefined;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What becomes of the requests after the one that failed. */
function after(how: "never" | "unanswered" | "lost" | "answer-lost" | "held"): "never" | "held" | undefined {
  if (how === "never" || how === "unanswered") return "never";
  return how === "held" ? "held" : undefined;
}
