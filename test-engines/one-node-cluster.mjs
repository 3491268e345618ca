/**
 * What a cluster's node does with statements for the whole cluster, where there is one node and no Keeper: the engine as a
 * library has no DDL queue, and its replicated tables stay read-only. So ON CLUSTER is taken out and a replicated engine
 * becomes the plain one, but only after the statement was checked for what a cluster would refuse, or would do on one node
 * only. Distributed tables are real, over one shard. No evidence for replication, quorums, or rows split over shards.
 */

/** One shard, which is this process: then its part of a Distributed table is read without a connection. */
export function configOf(cluster) {
  return `<clickhouse>
  <tcp_port>9000</tcp_port>
  <remote_servers><${cluster}><shard><internal_replication>true</internal_replication>
    <replica><host>127.0.0.1</host><port>9000</port></replica></shard></${cluster}></remote_servers>
  <macros><shard>01</shard><replica>node</replica></macros>
</clickhouse>
`;
}

/** The statement for one node. Throws what a cluster would, or should: a check says its name in brackets. */
export function asOnOneNode(text, cluster) {
  const bare = text.replace(/^\s*(\/\*.*?\*\/\s*)*/s, "");
  const onCluster = ` ON CLUSTER "${cluster}"`;
  const isOnCluster = text.includes(onCluster);
  const named = /^(CREATE|DROP|ALTER|DELETE|TRUNCATE|EXCHANGE|KILL)\b[^"]*?"([^"]+)"(?:\."([^"]+)")?/i.exec(bare);
  const [, verb = "", database = "", table] = named ?? [];
  const isNodes = /(session|shadow)_[0-9a-f]{32}/.test(database) || (table === undefined && !/\bDATABASE\b/i.test(named?.[0] ?? ""));
  const isSplit = table !== undefined && /raw$/.test(database) && /^events(_local)?$/.test(table);
  switch (verb.toUpperCase()) {
    case "CREATE":
    case "DROP":
    case "EXCHANGE":
      if (isOnCluster === isNodes) refuse(isNodes ? "a node's own thing is not for all" : "must be ON CLUSTER", text);
      break;
    case "ALTER":
    case "DELETE":
    case "TRUNCATE":
      if (isOnCluster !== isSplit) refuse(isSplit ? "each shard must hear of it" : "replicas tell each other: once is enough", text);
      if (!isNodes && /\bIN\s*\(\s*SELECT\b/i.test(bare)) refuse("a replicated mutation has no subquery", text);
      if (/^\s*ALTER TABLE "[^"]*raw"\."events" .* (UPDATE|DELETE) /is.test(bare)) refuse("a Distributed table has no mutation", text);
      break;
    case "KILL":
      if (!isOnCluster) refuse("statements run on any node", text);
      break;
    default:
  }
  if (/raw"\s*\.\s*"?events\b/.test(bare) && !/^(DELETE|ALTER|TRUNCATE|DROP|DESCRIBE TABLE ")/i.test(bare)) checkGlobal(bare);
  const stripped = text.replaceAll(onCluster, "");
  if (verb.toUpperCase() !== "CREATE" || isNodes || !/\bCREATE (OR REPLACE )?TABLE\b/i.test(bare)) return stripped;
  return withPlainEngine(stripped, { database, table });
}

/** Replication groups by their path: two tables of one path would be one table. */
const groups = new Map();

function withPlainEngine(text, { database, table }) {
  const engine =
    /\bENGINE = (Replicated(\w*MergeTree)\('([^']*)', '([^']*)'(?:, )?([^)]*)\)|Distributed\('[^']*', '([^']*)', '([^']*)', [^)]*\))/.exec(
      text,
    );
  if (engine === null) return refuse("an engine for all nodes", text);
  const [whole, , family, path, replica, args] = engine;
  if (family === undefined) return text;
  const isShard = path.includes("{shard}");
  const standsFor = table.replace(/~new$/, "");
  const wanted = `/clickhouse/cambium/${database}/${standsFor}${isShard ? "/{shard}" : path.endsWith("/{uuid}") ? "/{uuid}" : ""}`;
  if (path !== wanted) refuse(`the path ${wanted}`, text);
  if (isShard !== /_local$/.test(table)) refuse("one group for all nodes, or one a shard for what is local", text);
  if (replica !== (isShard ? "{replica}" : "{shard}-{replica}")) refuse("each node a replica of its own", text);
  const owner = `${database}.${table}`;
  if (!path.endsWith("{uuid}") && (groups.get(path) ?? owner) !== owner) refuse("a path of its own", text);
  groups.set(path, owner);
  if (/\bAS\s+(\/\*.*?\*\/\s*)*(SELECT|WITH)\b/is.test(text) && !/\bEMPTY AS\b/.test(text))
    refuse("rows come once, not from every node", text);
  return text.replace(whole, `ENGINE = ${family}${args === "" ? "" : `(${args})`}`);
}

/** A shard knows no table of a session. */
function checkGlobal(text) {
  const words = text
    .replace(/'(?:[^'\\]|\\.|'')*'|\/\*[\s\S]*?\*\//g, " ")
    .replace(/\bGLOBAL\s+((ANY|ALL|ASOF|SEMI|ANTI|INNER|LEFT|RIGHT|FULL|CROSS|OUTER)\s+)*JOIN\b/gi, " ")
    .replace(/\bGLOBAL\s+(NOT\s+)?IN\b/gi, " ")
    .replace(/\bARRAY\s+JOIN\b/gi, " ");
  if (/\bJOIN\b/i.test(words) || /\bIN\s*\(\s*(SELECT|WITH)\b/i.test(words)) refuse("GLOBAL where shards would join", text);
}

function refuse(rule, text) {
  throw new Error(`Code: 36. DB::Exception: [${rule}] ${text.slice(0, 400)} (BAD_ARGUMENTS)`);
}
