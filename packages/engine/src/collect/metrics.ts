import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Spool } from "./spool/spool.js";

/** What the collector counts. Plain numbers on the hot path; Prometheus reads them when it asks. */
export interface CollectorCounts {
  requests: number;
  accepted: number;
  quarantined: number;
  bytesReceived: number;
  /** Requests by status that were not 200. */
  refused: Record<number, number>;
}

export function newCounts(): CollectorCounts {
  return { requests: 0, accepted: 0, quarantined: 0, bytesReceived: 0, refused: {} };
}

/** Told of every commit; a registry has it by `collectorRegistry`. */
export function commitHistogram(): Histogram {
  return new Histogram({
    name: "cambium_spool_sync_seconds",
    help: "Time to write and sync one commit.",
    registers: [],
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
  });
}

export function collectorRegistry(counts: CollectorCounts, spool: Spool, commitSeconds: Histogram): Registry {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, read: () => number) => {
    // prom-client counters only grow by increments; a total kept elsewhere is set when it is asked for.
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  counter("cambium_collector_requests_total", "Requests that carried events.", () => counts.requests);
  counter("cambium_collector_events_accepted_total", "Events answered with 200, those in quarantine included.", () => counts.accepted);
  counter("cambium_collector_events_quarantined_total", "Accepted events that cannot be stored as events.", () => counts.quarantined);
  counter("cambium_collector_received_bytes_total", "Bytes of request bodies as sent.", () => counts.bytesReceived);
  new Counter({
    name: "cambium_collector_refused_total",
    help: "Requests with events that were not accepted, by status.",
    labelNames: ["status"],
    registers,
    collect() {
      this.reset();
      for (const [status, count] of Object.entries(counts.refused)) this.inc({ status }, count);
    },
  });
  counter("cambium_spool_commits_total", "Group commits: one synced write each.", () => spool.counts.commits);
  counter("cambium_spool_failures_total", "Writes, syncs or renames that the disk refused.", () => spool.counts.failures);
  counter("cambium_spool_sealed_total", "Segments handed to the loader.", () => spool.counts.sealed);
  gauge("cambium_spool_bytes", "Bytes in the spool that are not loaded yet.", () => spool.bytes);
  gauge("cambium_spool_waiting_bytes", "Bytes that wait for their commit.", () => spool.waitingBytes);
  gauge("cambium_collector_resident_bytes", "Resident memory of the collector.", () => process.memoryUsage.rss());
  gauge("cambium_collector_cpu_seconds", "CPU time of the collector.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  registry.registerMetric(commitSeconds);
  return registry;
}
