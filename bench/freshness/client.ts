import http from "node:http";
import { type AddressInfo } from "node:net";
import { Agent, request } from "undici";
import { idOf } from "../../packages/engine/src/base/hash.js";

/**
 * The outside world of the freshness bench, in a process of its own: sends background events at a fixed rate and probes
 * beside them, receives the webhooks, and measures from a probe's acknowledgement to the row that it caused. Tells its
 * parent everything by messages.
 */
export interface ClientOptions {
  readonly writeKey: string;
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly probeEveryMs: number;
  readonly profiles: number;
  readonly workspaces: number;
  readonly accounts: number;
  /** Profiles from this number on are kept for probes; each is used once. */
  readonly firstProbe: number;
  /** So many of them were used before. */
  readonly probesUsed: number;
}

export interface ClientReport {
  readonly sent: number;
  readonly failures: number;
  /** Milliseconds from acknowledgement to webhook, in order of sending; the probes that never came are counted. */
  readonly user: readonly number[];
  readonly account: readonly number[];
  readonly missing: number;
}

const perRequest = 10;
const stragglersMs = 20_000;

const acknowledged = new Map<string, number>();
const arrived = new Map<string, number>();

const server = http.createServer((message, response) => {
  const chunks: Buffer[] = [];
  message.on("data", (chunk: Buffer) => chunks.push(chunk));
  message.on("end", () => {
    const now = performance.now();
    const { data } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { data: { key: string }[] };
    for (const { key } of data) if (!arrived.has(key)) arrived.set(key, now);
    response.writeHead(200).end();
  });
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on("message", ({ url, options }: { url: string; options: ClientOptions }) => {
  run(url, options).then(
    (report) => process.send?.({ report }),
    (thrown: unknown) => {
      process.stderr.write(`${String(thrown)}\n`);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));

async function run(url: string, options: ClientOptions): Promise<ClientReport> {
  const agent = new Agent({ connections: 8 });
  let sent = 0;
  let failures = 0;
  const post = async (batch: readonly object[]): Promise<void> => {
    const answer = await request(`${url}/v1/batch`, {
      method: "POST",
      dispatcher: agent,
      headers: { "content-type": "application/json", authorization: `Basic ${Buffer.from(`${options.writeKey}:`).toString("base64")}` },
      body: JSON.stringify({ batch, sentAt: new Date().toISOString() }),
    });
    await answer.body.dump();
    if (answer.statusCode === 200) sent += batch.length;
    else failures += batch.length;
  };
  const names = ["Opened", "Opened", "Opened", "Created", "Created", "Shared", "Paid", "Invited"];
  const event = (number: number, name: string) => ({
    type: "track",
    event: name,
    userId: `u${number}`,
    timestamp: new Date().toISOString(),
    properties: { amount: number % 100, plan: "team", account_id: `a${number % options.accounts}` },
    context: { groupId: `w${number % options.workspaces}`, library: { name: "bench", version: "1" } },
  });
  let turn = 0;
  const background = setInterval(
    () => {
      turn += 1;
      const batch = Array.from({ length: perRequest }, (_, index) => {
        const n = (turn * perRequest + index) * 7_919;
        return event(n % options.firstProbe, names[n % names.length] as string);
      });
      void post(batch);
    },
    (1000 * perRequest) / options.eventsPerSecond,
  );
  const users: string[] = [];
  const accounts: string[] = [];
  let probe = options.probesUsed;
  const probes = setInterval(() => {
    const number = options.firstProbe + probe;
    const isUser = probe % 2 === 0;
    probe += 1;
    // Generated events carry ids of accounts, not their names: the id stands in for the key.
    const key = isUser ? `u${number}` : idOf("account", `a${number % options.accounts}`);
    (isUser ? users : accounts).push(key);
    void post([event(number, isUser ? "Probed" : "Account Probed")]).then(() => acknowledged.set(key, performance.now()));
  }, options.probeEveryMs);
  await new Promise((resolve) => setTimeout(resolve, options.seconds * 1000));
  clearInterval(probes);
  const until = performance.now() + stragglersMs;
  clearInterval(background);
  const all = [...users, ...accounts];
  while (performance.now() < until && all.some((key) => !arrived.has(key))) await new Promise((resolve) => setTimeout(resolve, 100));
  await agent.close();
  const waits = (keys: readonly string[]) =>
    keys.flatMap((key) => {
      const from = acknowledged.get(key);
      const to = arrived.get(key);
      return from === undefined || to === undefined ? [] : [Math.max(0, to - from)];
    });
  const [user, account] = [waits(users), waits(accounts)];
  return { sent, failures, user, account, missing: all.length - user.length - account.length };
}
