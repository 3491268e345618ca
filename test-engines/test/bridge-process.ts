import { spawn } from "node:child_process";
import { once } from "node:events";
import { statfs } from "node:fs/promises";
import os from "node:os";
import { fileURLToPath } from "node:url";

/** A ClickHouse engine of its own, as a child process; see `bridge.mjs`. */
export interface Bridge {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL("../bridge.mjs", import.meta.url));

export async function startBridge(
  options: { readonly data?: string; readonly password?: string; readonly cluster?: string } = {},
): Promise<Bridge> {
  const more = [
    ...(options.data === undefined ? [] : ["--data", options.data]),
    ...(options.password === undefined ? [] : ["--password", options.password]),
    ...(options.cluster === undefined ? [] : ["--cluster", options.cluster]),
  ];
  const child = spawn(process.execPath, [program, "--attached", ...more], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, UV_THREADPOOL_SIZE: "8", TMPDIR: await folderForData() },
  });
  const url = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
      const found = /listening (\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.on("exit", (code) => reject(new Error(`the bridge ended with ${String(code)} before it listened`)));
    child.on("error", reject);
  });
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      if (child.exitCode !== null) return;
      const ended = once(child, "exit");
      child.stdin.end();
      await ended;
    },
  };
}

/** Memory, where there is enough of it: tests make thousands of tables of a few rows, which on a disk take twice the time. */
async function folderForData(): Promise<string> {
  const { bavail, bsize } = await statfs(memory).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize >= memoryBytesMin ? memory : os.tmpdir();
}

const memory = "/dev/shm";
const memoryBytesMin = 2 * 1024 ** 3;
