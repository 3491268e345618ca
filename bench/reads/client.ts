import { type Socket, connect } from "node:net";

/**
 * The products that ask, in a process of their own that costs little: requests at a fixed rate whatever the answers do.
 * Each request has its moment, and its latency counts from there, however late it was sent; how late this process sent
 * requests is told beside it. Plan and report travel as messages.
 */
export interface ReadsPlan {
  readonly port: number;
  readonly token: string;
  readonly profiles: number;
  readonly requestsPerSecond: number;
  readonly seconds: number;
  /** Asks for an answer that never changes instead: what this client and an HTTP server cost by themselves. */
  readonly constant: boolean;
}

export interface ReadsReport {
  readonly requests: number;
  readonly failed: number;
  /** Milliseconds from a request's moment to the end of its answer, sorted. */
  readonly latencies: readonly number[];
  /** Milliseconds from when this process came to a request (free connection or not) to the end of its answer, sorted. */
  readonly answers: readonly number[];
  /** Milliseconds from a request's moment until this process came to it, sorted. */
  readonly delays: readonly number[];
}

interface Slot {
  readonly socket: Socket;
  received: string;
  asked: Asked;
}

interface Asked {
  readonly due: number;
  /** When this process came to it. */
  readonly at: number;
}

const connectionsMax = 64;
const turnMs = 1;
/** After this the rest counts as failed. */
const stragglersMs = 10_000;

process.on("message", (plan: ReadsPlan) => {
  run(plan).then(
    (report) => process.send?.(report),
    (thrown: unknown) => {
      process.stderr.write(`${String(thrown)}\n`);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));

async function run(plan: ReadsPlan): Promise<ReadsReport> {
  const total = plan.requestsPerSecond * plan.seconds;
  const latencies: number[] = [];
  const delays: number[] = [];
  const answers: number[] = [];
  const waiting: Asked[] = [];
  const sockets = await Promise.all(Array.from({ length: connectionsMax }, () => open(plan.port)));
  const idle: Slot[] = sockets.map((socket) => ({ socket, received: "", asked: { due: 0, at: 0 } }));
  let failed = 0;
  let sent = 0;
  let seed = 12_345;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 4_294_967_296) * below);
  };
  const send = (slot: Slot, asked: Asked) => {
    const user = `user-${random(plan.profiles)}`;
    const read = sent % 2 === 0 ? `/v1/profiles/user/${user}` : `/v1/memberships/user/${user}/above_3`;
    sent += 1;
    slot.asked = asked;
    slot.received = "";
    slot.socket.write(
      `GET ${plan.constant ? "/healthz" : read} HTTP/1.1\r\nhost: 127.0.0.1:${plan.port}\r\nauthorization: Bearer ${plan.token}\r\n\r\n`,
    );
  };
  for (const slot of idle) {
    slot.socket.on("data", (piece: Buffer) => {
      slot.received += piece.toString("latin1");
      if (!isWhole(slot.received)) return;
      const now = performance.now();
      latencies.push(now - slot.asked.due);
      answers.push(now - slot.asked.at);
      if (!slot.received.startsWith("HTTP/1.1 200 ")) failed += 1;
      const next = waiting.shift();
      if (next === undefined) idle.push(slot);
      else send(slot, next);
    });
    slot.socket.on("error", () => (failed += 1));
  }
  const started = performance.now();
  let due = 0;
  await new Promise<void>((resolve) => {
    const turn = () => {
      const elapsed = performance.now() - started;
      for (; due < total && (due / plan.requestsPerSecond) * 1000 <= elapsed; due += 1) {
        const asked = { due: started + (due / plan.requestsPerSecond) * 1000, at: performance.now() };
        delays.push(asked.at - asked.due);
        const slot = idle.pop();
        if (slot === undefined) waiting.push(asked);
        else send(slot, asked);
      }
      if (latencies.length === total || elapsed > plan.seconds * 1000 + stragglersMs) resolve();
      else setTimeout(turn, turnMs);
    };
    turn();
  });
  for (const socket of sockets) socket.destroy();
  const ascending = (values: number[]) => values.sort((a, b) => a - b);
  return {
    requests: total,
    failed: failed + total - latencies.length,
    latencies: ascending(latencies),
    answers: ascending(answers),
    delays: ascending(delays),
  };
}

/** Answers are short and tell their length. */
function isWhole(received: string): boolean {
  const head = received.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, head))?.[1];
  return received.length >= head + 4 + Number(length ?? 0);
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}
