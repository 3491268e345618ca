import { type Socket, connect } from "node:net";

/**
 * A load generator that costs little: requests are made once per connection, and only the digits of ids are written
 * anew, so that every event of every request is another one.
 */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds from the moment a request was due to its answer, sorted; only for open loops. */
  readonly latencies: Float64Array;
  /** Milliseconds from the moment a request was due until the client saw that, sorted: its own part of the latencies. */
  readonly delays: Float64Array;
  readonly failures: number;
}

const idDigits = 12;
const userDigits = 7;
const users = 1_000_000;
const idMark = "m-".padEnd(2 + idDigits, "0");
const userMark = "user-".padEnd(5 + userDigits, "0");

/** An event of about 750 bytes, as analytics.js sends them; its ids are placeholders. */
function eventTemplate(index: number): Record<string, unknown> {
  const workspace = `ws-${index % 97}`;
  return {
    type: "track",
    event: ["Page Viewed", "Signed Up", "Deployed", "Invite Sent"][index % 4],
    userId: userMark,
    anonymousId: `7a1b4c3d-9e0f-4a5b-8c7d-${String(index).padStart(12, "0")}`,
    messageId: idMark,
    timestamp: new Date().toISOString(),
    properties: {
      plan: "pro",
      amount: index / 10,
      workspace_id: workspace,
      path: "/docs/start",
      seats: index % 50,
      trial: index % 2 === 0,
      region: "eu-central-1",
      seats_left: (index * 7) % 50,
    },
    context: {
      ip: "203.0.113.7",
      userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
      locale: "en-US",
      library: { name: "analytics.js", version: "npm:next-1.84.3" },
      page: {
        path: "/docs/start",
        referrer: "https://www.example.com/",
        search: "",
        title: "Start",
        url: "https://app.example.com/docs/start",
      },
      groupId: workspace,
    },
    integrations: { All: true },
  };
}

let nextId = 0;

/** One request, again and again with new ids. */
export class Request {
  readonly bytes: Buffer;
  readonly body: Buffer;
  #ids: number[] = [];
  #users: number[] = [];

  constructor(writeKey: string, events: number, seed: number) {
    const all = Array.from({ length: events }, (_, index) => eventTemplate(seed * events + index));
    const sentAt = new Date().toISOString();
    const text = JSON.stringify(events === 1 ? { ...all[0], writeKey, sentAt } : { batch: all, writeKey, sentAt });
    const head = `POST ${events === 1 ? "/v1/track" : "/v1/batch"} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n`;
    this.bytes = Buffer.from(head + text, "latin1");
    this.body = this.bytes.subarray(head.length);
    this.#ids = places(this.bytes, idMark, 2);
    this.#users = places(this.bytes, userMark, 5);
  }

  renew(): void {
    for (const at of this.#ids) writeDigits(this.bytes, at, idDigits, (nextId += 1));
    for (const at of this.#users) writeDigits(this.bytes, at, userDigits, (Math.random() * users) | 0);
  }
}

function places(bytes: Buffer, mark: string, skip: number): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) found.push(at + skip);
  return found;
}

function writeDigits(bytes: Buffer, at: number, digits: number, value: number): void {
  const target = bytes;
  let left = value;
  for (let place = at + digits - 1; place >= at; place -= 1) {
    target[place] = 48 + (left % 10);
    left = Math.floor(left / 10);
  }
}

/** As many requests as are answered: each connection sends the next one when it has its answer. */
export async function closedLoop(
  port: number,
  writeKey: string,
  events: number,
  connections: number,
  seconds: number,
): Promise<LoadResult> {
  let requests = 0;
  let failures = 0;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const started = performance.now();
  const until = started + seconds * 1000;
  await Promise.all(
    sockets.map(
      (socket, index) =>
        new Promise<void>((resolve) => {
          const request = new Request(writeKey, events, index);
          const send = () => {
            request.renew();
            socket.write(request.bytes);
          };
          socket.on("data", (answer: Buffer) => {
            if (answer[9] === 50) requests += 1;
            else failures += 1;
            if (performance.now() < until) send();
            else resolve();
          });
          socket.on("error", () => resolve());
          send();
        }),
    ),
  );
  for (const socket of sockets) socket.destroy();
  return { requests, seconds: (performance.now() - started) / 1000, latencies: new Float64Array(), delays: new Float64Array(), failures };
}

/** The client compiles its code and opens its files in the first moments; what was due then is sent and not counted. */
const warmUpSeconds = 2;
/** Between two looks at what is due the client sleeps: a client that spins takes half of two cores from what it measures. */
const lookEveryMs = 0.1;
const never = new Int32Array(new SharedArrayBuffer(4));

/** Requests at a fixed rate, whatever the answers do: latency counts from when a request was due. */
export async function openLoop(port: number, writeKey: string, rate: number, connections: number, seconds: number): Promise<LoadResult> {
  const latencies: number[] = [];
  const delays: number[] = [];
  let answered = 0;
  let failures = 0;
  const idle: { socket: Socket; request: Request; due: number }[] = [];
  const waiting: number[] = [];
  const send = (slot: (typeof idle)[number], due: number) => {
    slot.due = due;
    slot.request.renew();
    slot.socket.write(slot.request.bytes);
  };
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  sockets.forEach((socket, index) => {
    const slot = { socket, request: new Request(writeKey, 1, index), due: 0 };
    socket.on("data", (answer: Buffer) => {
      answered += 1;
      if (slot.due >= counted) latencies.push(performance.now() - slot.due);
      if (answer[9] !== 50) failures += 1;
      const next = waiting.shift();
      if (next === undefined) idle.push(slot);
      else send(slot, next);
    });
    idle.push(slot);
  });
  const started = performance.now();
  const counted = started + warmUpSeconds * 1000;
  const count = rate * (warmUpSeconds + seconds);
  const until = started + (warmUpSeconds + seconds) * 1000 + 10_000;
  let sent = 0;
  await new Promise<void>((resolve) => {
    const turn = () => {
      const now = performance.now();
      for (; sent < count && started + (sent / rate) * 1000 <= now; sent += 1) {
        const due = started + (sent / rate) * 1000;
        if (due >= counted) delays.push(now - due);
        const slot = idle.pop();
        if (slot === undefined) waiting.push(due);
        else send(slot, due);
      }
      if (answered >= count || now > until) return resolve();
      Atomics.wait(never, 0, 0, lookEveryMs);
      setImmediate(turn);
    };
    turn();
  });
  for (const socket of sockets) socket.destroy();
  return {
    requests: latencies.length,
    seconds: (performance.now() - counted) / 1000,
    latencies: Float64Array.from(latencies).sort(),
    delays: Float64Array.from(delays).sort(),
    failures: failures + count - answered,
  };
}

export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}
