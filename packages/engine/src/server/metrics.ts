import type { FastifyInstance } from "fastify";
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { EngineView } from "./engine-view.js";
import { readOverview } from "./queries/overview.js";
import type { Reads } from "./reads.js";

/** Prometheus metrics of the engine: the hops, the ledger, audiences, syncs, and the server's own requests. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #engine: EngineView;
  readonly #reads: Reads;
  readonly #requests: Histogram<"route" | "status">;
  readonly #gauges: ReturnType<typeof gauges>;

  constructor(engine: EngineView, reads: Reads) {
    this.#engine = engine;
    this.#reads = reads;
    collectDefaultMetrics({ register: this.#registry, prefix: "cambium_engine_" });
    this.#requests = new Histogram({
      name: "cambium_http_request_seconds",
      help: "Seconds an HTTP request of the engine took, by route and status class",
      labelNames: ["route", "status"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers: [this.#registry],
    });
    this.#gauges = gauges(this.#registry);
  }

  observe(server: FastifyInstance): void {
    server.addHook("onResponse", (request, reply, done) => {
      // The route's pattern, never the address: labels stay few.
      this.#requests.observe(
        { route: request.routeOptions.url ?? "none", status: `${Math.floor(reply.statusCode / 100)}xx` },
        reply.elapsedTime / 1000,
      );
      done();
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    const overview = await readOverview(this.#engine, this.#reads);
    for (const gauge of Object.values(this.#gauges)) gauge.reset();
    for (const hop of overview.hops) {
      const label = { hop: hop.name };
      this.#gauges.passed.inc({ ...label, unit: hop.unit }, hop.count);
      if (hop.lagSeconds !== null) this.#gauges.age.set(label, hop.lagSeconds);
      if (hop.behindSeconds !== null) this.#gauges.behind.set(label, hop.behindSeconds);
      if (hop.backlog !== null) this.#gauges.backlog.set(label, hop.backlog);
      this.#gauges.healthy.set(label, hop.health.state === "ok" ? 1 : hop.health.state === "warn" ? 0.5 : 0);
    }
    for (const equation of overview.ledger) {
      this.#gauges.difference.set({ hop: equation.hop }, equation.difference);
      for (const term of [equation.total, ...equation.terms]) this.#gauges.ledger.set({ hop: equation.hop, term: term.name }, term.value);
    }
    const { lease } = this.#engine;
    this.#gauges.conductor.set(lease === undefined || lease.isHeld ? 1 : 0);
    if (lease !== undefined) {
      this.#gauges.term.set(Number(lease.term));
      this.#gauges.renewed.set(lease.renewedMsAgo / 1_000);
    }
    for (const node of overview.nodes) {
      const label = { node: node.node };
      this.#gauges.arrived.set(label, node.arrivedSegments);
      this.#gauges.spooled.set(label, node.spooledSegments);
      if (node.lastLoadedAt !== null) this.#gauges.loaded.set(label, (Date.parse(overview.at) - Date.parse(node.lastLoadedAt)) / 1_000);
    }
    for (const entity of overview.entities) this.#gauges.entities.set({ kind: entity.kind }, entity.count);
    for (const audience of overview.audiences) this.#gauges.audience.set({ audience: audience.name }, audience.size);
    return this.#registry.metrics();
  }
}

function gauges(registry: Registry) {
  const gauge = <T extends string>(name: string, help: string, labelNames: T[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  return {
    passed: new Counter({
      name: "cambium_hop_total",
      help: "What has passed each hop",
      labelNames: ["hop", "unit"],
      registers: [registry],
    }),
    age: gauge("cambium_hop_age_seconds", "Age of the newest data that reached each hop", ["hop"]),
    behind: gauge("cambium_hop_behind_seconds", "How long the oldest thing that waits before each hop has waited", ["hop"]),
    backlog: gauge("cambium_hop_backlog", "What waits before each hop", ["hop"]),
    healthy: gauge("cambium_hop_healthy", "1 ok, 0.5 warning, 0 error", ["hop"]),
    ledger: gauge("cambium_ledger", "Terms of the ledger's equations", ["hop", "term"]),
    difference: gauge("cambium_ledger_difference", "What does not add up; 0 is right", ["hop"]),
    entities: gauge("cambium_entities", "Entities by kind", ["kind"]),
    conductor: gauge("cambium_conductor", "1 where this process may deliver, 0 where it may not", []),
    term: gauge("cambium_lease_term", "Term of this conductor", []),
    renewed: gauge("cambium_lease_renewed_seconds", "Seconds since this conductor's newest renewal that was confirmed", []),
    arrived: gauge("cambium_node_arrived_segments", "Segments of each collector that have arrived and wait for a load", ["node"]),
    spooled: gauge("cambium_node_spooled_segments", "Segments that waited in each collector's spool when it shipped last", ["node"]),
    loaded: gauge("cambium_node_age_seconds", "Seconds since the last load with events of each collector", ["node"]),
    audience: gauge("cambium_audience_size", "Members of each audience", ["audience"]),
  };
}
