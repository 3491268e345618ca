import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import pg from "pg";

/** A real Postgres server for as long as a test needs it, in a folder of its own; undefined where none is installed. */

const folders = ["/usr/local/bin", "/usr/bin", "/usr/local/pgsql/bin"];

function binaries(): string | undefined {
  const debian = existsSync("/usr/lib/postgresql")
    ? readdirSync("/usr/lib/postgresql").map((version) => `/usr/lib/postgresql/${version}/bin`)
    : [];
  return [...debian, ...folders].find((folder) => existsSync(path.join(folder, "initdb")) && existsSync(path.join(folder, "postgres")));
}

/** Postgres refuses to run as root, so root lends it the user `nobody`. */
const owner = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

export async function startPostgres(): Promise<
  { url: string; allow: string[]; stop(): Promise<void>; restart(): Promise<void>; kill(): Promise<void> } | undefined
> {
  const folder = binaries();
  if (folder === undefined) return undefined;
  const data = mkdtempSync(path.join(os.tmpdir(), "cambium-postgres-"));
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(data, owner.uid, owner.gid);
  const environment = { ...process.env, LC_ALL: "C", HOME: data };
  execFileSync(path.join(folder, "initdb"), ["-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"], {
    ...owner,
    env: environment,
    stdio: "ignore",
  });
  const port = await freePort();
  const url = `postgres://postgres:secret-password@127.0.0.1:${port}/postgres?sslmode=disable`;
  let server: ChildProcess;
  const start = async () => {
    server = spawn(path.join(folder, "postgres"), ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", data, "-F"], {
      ...owner,
      env: environment,
      stdio: "ignore",
    });
    await answering(url);
  };
  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((resolve) => void server.once("exit", resolve));
    server.kill(signal);
    await gone;
  };
  await start();
  return {
    url,
    allow: [`127.0.0.1:${port}`],
    restart: start,
    kill: () => end("SIGQUIT"),
    async stop() {
      await end("SIGINT");
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => void server.close(resolve));
  return port;
}

const startSecondsMax = 30;

/** Listening is not enough: after a crash it first recovers, and refuses queries meanwhile. */
async function answering(url: string): Promise<void> {
  for (let tries = 0; tries < startSecondsMax * 20; tries += 1) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      return;
    } catch {
      await new Promise((resolve) => void setTimeout(resolve, 50));
    } finally {
      await client.end();
    }
  }
  throw new Error(`Postgres did not answer within ${startSecondsMax} s`);
}
