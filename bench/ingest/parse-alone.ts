import { Request } from "./client.js";

export interface Parsed {
  readonly perSecond: number;
  /** Microseconds of CPU time for one event. */
  readonly cpu: number;
  readonly bytesPerEvent: number;
}

/**
 * The limit of every collector that looks at what it takes: parsing the bodies that it is sent, each with new ids, and
 * nothing else. Over a while, like the runs beside it: the best of many short moments would hide what a busy machine
 * takes away.
 */
export function parseAlone(writeKey: string, perBatch: number, seconds: number): Parsed {
  const requests = Array.from({ length: 50 }, (_, index) => new Request(writeKey, perBatch, index));
  let events = 0;
  let millis = 0;
  let micros = 0;
  while (millis < seconds * 1000) {
    for (const request of requests) request.renew();
    const cpu = process.cpuUsage();
    const started = performance.now();
    for (const request of requests) JSON.parse(request.body.toString("latin1"));
    millis += performance.now() - started;
    const { user, system } = process.cpuUsage(cpu);
    micros += user + system;
    events += requests.length * perBatch;
  }
  const bytes = (requests[0] as Request).body.length / perBatch;
  return { perSecond: events / (millis / 1000), cpu: micros / events, bytesPerEvent: Math.round(bytes) };
}
