import { CambiumError } from "../../base/errors.js";

/** What a server says of the cluster that a project names, before anything is written there. */
export interface Nodes {
  /** How many nodes have each row of a sharded table. */
  readonly replicas: number;
  /** How many nodes there are: so many have each row of every other table. */
  readonly all: number;
}

type Ask = <Row>(question: string) => Promise<Row[]>;

/** The names by which tables find their place in Keeper. */
const macros = ["shard", "replica"] as const;

/** Nodes that do not answer are no obstacle: a standby takes over because one is gone. */
export async function assertCluster(ask: Ask, url: string, cluster: string): Promise<Nodes> {
  const known = await ask<{ cluster: string; replicas: number; all: number }>(
    "SELECT cluster, toUInt32(max(replica_num)) AS replicas, toUInt32(count()) AS all FROM system.clusters GROUP BY cluster ORDER BY cluster",
  );
  const own = known.find((each) => each.cluster === cluster);
  if (own === undefined) {
    const others = known.length === 0 ? "it knows none" : `it knows ${known.map((each) => each.cluster).join(", ")}`;
    throw new CambiumError(
      "PROJECT_INVALID",
      `The ClickHouse server at ${url} knows no cluster ${cluster}: ${others}. Name one of its remote_servers in warehouse.cluster of cambium.yml.`,
    );
  }
  const on = (table: string) => `clusterAllReplicas('${cluster}', ${table}) SETTINGS skip_unavailable_shards = 1`;
  const hosts = await ask<{ host: string }>(`SELECT hostName() AS host FROM ${on("system.one")}`);
  const defined = await ask<{ host: string; macro: string }>(`SELECT hostName() AS host, macro FROM ${on("system.macros")}`);
  const missing = hosts.flatMap(({ host }) =>
    macros.filter((macro) => !defined.some((each) => each.host === host && each.macro === macro)).map((macro) => `${macro} on ${host}`),
  );
  if (missing.length > 0)
    throw new CambiumError(
      "PROJECT_INVALID",
      `Nodes of the cluster ${cluster} lack macros: ${missing.join(", ")}. Define <shard> and <replica> under <macros> on every node (docs/guides/clickhouse.md).`,
    );
  return { replicas: own.replicas, all: own.all };
}
