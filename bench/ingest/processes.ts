import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";

/** The programs beside the load generator, each in a process of its own: the collector, its limits, a busy engine. */
export const writeKey = "bench-key";

/** Where the bench lays its files, and the processes to end with it. */
export interface Place {
  readonly dir: string;
  readonly children: ChildProcess[];
}

export interface Running {
  readonly child: ChildProcess;
  readonly port: number;
}

export async function bundle({ dir }: Place, source: string): Promise<string> {
  const outfile = path.join(dir, `${path.basename(source, ".ts")}-${path.basename(path.dirname(source))}.mjs`);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    logLevel: "error",
  });
  return outfile;
}

/** Where a collector finds its options: a spool of its own, any free port. */
export async function collectorOptions({ dir }: Place, spoolDir: string): Promise<string> {
  await mkdir(spoolDir, { recursive: true });
  const file = path.join(dir, "options.json");
  await writeFile(file, JSON.stringify({ spoolDir, port: 0, sources: [{ name: "bench", writeKeys: [writeKey] }], whenOrphaned: "exit" }));
  return file;
}

/** Resolves when the program says that it is ready. */
export function start({ children }: Place, entry: string, args: readonly string[]): Promise<Running> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [entry, ...args], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    children.push(child);
    child.on("message", (message: { type: string; port: number }) => {
      if (message.type === "ready") resolve({ child, port: message.port });
    });
    child.once("exit", (code) => reject(new Error(`${entry} ended with ${String(code)}`)));
  });
}

export function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners("exit");
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

/** Processor seconds of a child, by the system's count (Linux); NaN elsewhere. */
export async function cpuOf(child: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${String(child.pid)}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) / 100;
}
