import { randomBytes } from "node:crypto";
import { chmod, rm, writeFile } from "node:fs/promises";
import { messageOf } from "../../base/errors.js";
import { type Engine, statePaths } from "../../engine.js";
import { type Server, startServer } from "../../server/start-server.js";
import { distFile } from "./dist-file.js";

/** The console and the API of an engine, and the file by which commands find them. */
export interface RunningConsole {
  readonly server: Server;
  /** The console's address with its token: open it once. */
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

export interface ConsoleOptions {
  readonly dir: string;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly host?: string | undefined;
  /** cambium.yml's unless given; 0 takes a free one. */
  readonly port?: number | undefined;
  readonly onEvent: (sentence: string) => void;
}

export async function startConsole(engine: Engine, { dir, env, host, port, onEvent }: ConsoleOptions): Promise<RunningConsole> {
  const paths = statePaths(dir);
  const { config } = engine.project();
  const token = env?.["CAMBIUM_TOKEN"] ?? randomBytes(24).toString("base64url");
  const server = await startServer({
    engine,
    host: host ?? config.server.host,
    port: port ?? config.server.port,
    token,
    consoleDir: distFile("../../console/dist"),
    allowedHosts: config.server.allowed_hosts ?? [],
    onError: (where, thrown) => onEvent(`${where}: ${messageOf(thrown)}`),
  });
  await writeFile(paths.server, JSON.stringify({ url: server.url, token, pid: process.pid }), { mode: 0o600 });
  await chmod(paths.server, 0o600);
  return {
    server,
    token,
    url: `${server.url}/?token=${token}`,
    async close() {
      await server.close();
      await rm(paths.server, { force: true });
    },
  };
}
