import type { Sending, SegmentMessage } from "./message.js";
import { model } from "./model.js";
import type { Random } from "./random.js";
import { dayMs, hourMs, type Device } from "./world.js";

/**
 * The network between Orchard's clients and the collector: latency, devices that were offline, and clients that send
 * again because the answer got lost. Messages leave in the order in which they arrive at the collector.
 */
export interface Outbox {
  /** `device` is absent for servers, which are never offline and whose clocks are right. */
  send(at: number, message: SegmentMessage, device?: Device): void;
  /** Everything that arrives within a day, in order; what comes later waits. */
  take(day: number): Sending[];
}

export function createOutbox(startMs: number, random: Random): Outbox {
  const byDay = new Map<number, Sending[]>();
  const { network } = model;
  let today = 0;

  const put = (sending: Sending): void => {
    // Days already taken are gone: what belongs before arrives now.
    const at = Math.max(sending.at, startMs + today * dayMs);
    const day = Math.floor((at - startMs) / dayMs);
    const waiting = byDay.get(day);
    if (waiting === undefined) byDay.set(day, [{ ...sending, at }]);
    else waiting.push({ ...sending, at });
  };
  const lateness = (device: Device | undefined): number => {
    const share = device === undefined ? 0 : device.kind === "phone" ? network.latePhone : network.lateLaptop;
    if (share === 0 || !random.chance(share)) return 0;
    return Math.min(network.lateHoursMax, random.exponential(network.lateHoursMean)) * hourMs;
  };

  return {
    send(at, message, device) {
      const skewMs = device?.skewMs ?? 0;
      const arrives = Math.floor(at + 20 + random.exponential(network.latencyMsMean) + lateness(device));
      put({ at: arrives, skewMs, message, repeat: false });
      if (!random.chance(network.duplicate)) return;
      const pause = random.chance(network.duplicateSoon) ? 2_000 + random.exponential(20_000) : random.exponential(9) * hourMs;
      put({ at: Math.floor(arrives + 1 + pause), skewMs, message, repeat: true });
    },
    take(day) {
      today = day + 1;
      const sendings = byDay.get(day) ?? [];
      byDay.delete(day);
      return sendings.sort((one, other) => one.at - other.at);
    },
  };
}
