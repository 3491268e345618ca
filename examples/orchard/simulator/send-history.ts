import { sendBatches, type SendOptions, type SendProgress } from "../../../packages/engine/src/collect/send-batches.js";
import { broken } from "./faulty.js";
import type { Sending } from "./message.js";

/** Sends simulated transmissions to a real collector over HTTP: history as fast as it is taken, live traffic in real time. */
export interface SendSimulated extends Omit<SendOptions, "onProgress"> {
  readonly messages: Iterable<Sending>;
  /** The sender's clock, in milliseconds: clients with a wrong clock say what theirs shows at that moment. */
  readonly nowMs?: () => number;
  onProgress?(progress: SendProgress): void;
}

export async function sendHistory({ messages, nowMs = Date.now, ...options }: SendSimulated): Promise<SendProgress> {
  return sendBatches(texts(messages, nowMs), options);
}

function* texts(messages: Iterable<Sending>, nowMs: () => number): Iterable<string> {
  for (const sending of messages) yield textOf(sending, nowMs);
}

/**
 * Clients with a right clock send no `sentAt`, so that history keeps its timestamps. A client whose clock is wrong says
 * when it sent *by that clock*, and the collector finds the truth: `timestamp = received − (sentAt − original)`. To make
 * that come out right for history, too, it says now + skew − (how long ago it happened), shifted to the moment of sending.
 */
export function textOf({ skewMs, message, fault }: Sending, nowMs: () => number): string {
  if (fault !== undefined) return JSON.stringify(broken(message, fault));
  if (skewMs === 0) return JSON.stringify(message);
  return JSON.stringify({ ...message, sentAt: new Date(nowMs() + skewMs).toISOString() });
}
