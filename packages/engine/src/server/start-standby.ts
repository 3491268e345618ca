import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { CambiumError } from "../base/errors.js";
import type { LeaseSeen } from "../warehouse/lease.js";

/** What a process that stands by answers: that it lives, and who the conductor is. Everything else is the conductor's. */
export interface StandbyState {
  /** Of the conductor, as last seen. */
  readonly conductor: LeaseSeen | undefined;
  /** How long it has given no sign of life. */
  readonly silentMs: number;
}

export interface StandbyServer {
  readonly url: string;
  close(): Promise<void>;
}

export async function startStandby(settings: { host: string; port: number; state: () => StandbyState }): Promise<StandbyServer> {
  const { host, port, state } = settings;
  const server = createServer((request, response) => {
    const { conductor, silentMs } = state();
    const seconds = Math.round(silentMs) / 1_000;
    const route = (request.url ?? "/").split("?", 1)[0];
    if (route === "/healthz") {
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({
          ok: true,
          role: "standby",
          conductor: conductor?.holder ?? null,
          term: conductor?.term ?? null,
          silentSeconds: seconds,
        }),
      );
      return;
    }
    if (route === "/metrics") {
      response.setHeader("content-type", "text/plain; version=0.0.4; charset=utf-8");
      response.end(metrics(conductor, seconds));
      return;
    }
    const held = new CambiumError("WAREHOUSE_HELD", `This process stands by; the conductor is ${conductor?.holder ?? "not known yet"}.`);
    response.writeHead(503, { "content-type": "application/json", "retry-after": "5" });
    response.end(JSON.stringify({ error: { code: held.code, message: held.message, next: "Ask the conductor.", details: {} } }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function metrics(conductor: LeaseSeen | undefined, seconds: number): string {
  return `# HELP cambium_conductor 1 where this process is the conductor, 0 where it stands by
# TYPE cambium_conductor gauge
cambium_conductor 0
# HELP cambium_lease_term Term of the conductor
# TYPE cambium_lease_term gauge
cambium_lease_term ${conductor?.term ?? 0}
# HELP cambium_lease_silent_seconds Seconds since the conductor's last sign of life
# TYPE cambium_lease_silent_seconds gauge
cambium_lease_silent_seconds ${seconds}
`;
}
