import { randomBytes } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { CambiumError } from "../../base/errors.js";
import { configFile } from "../../project/definition-kinds.js";
import { projectFromFiles } from "../../project/load-project.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { starterFiles } from "../starter-project.js";
import { schemasDir, writeSchemas } from "./schemas.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("init")
    .description("write a small, commented growth project that runs as it is")
    .argument("[dir]", "the folder; it is created, and must hold no project yet", ".")
    .option("--name <name>", "the project's name (default: from the folder)")
    .option("--timezone <zone>", "its time zone, such as Europe/Berlin (default: this machine's)")
    .addHelpText(
      "after",
      examples([
        ["cambium init my-project", "a new project in a new folder"],
        ["cambium init --name acme_growth --timezone America/New_York", "a project in this folder"],
      ]),
    )
    .action(async (dir: string, own: { name?: string; timezone?: string }, command: Command) => {
      const target = path.resolve(context.cwd, dir);
      const files = await writeProject(target, own.name ?? nameFrom(path.basename(target)), own.timezone ?? machineZone());
      if (globalOptions(command).json === true) {
        context.terminal.out(`${JSON.stringify({ dir: target, files }, undefined, 2)}\n`);
        return;
      }
      const { bold, green } = context.terminal.colors;
      context.terminal.out(`${green("✓")} A growth project stands in ${bold(target)}:\n${files.map((file) => `  ${file}`).join("\n")}\n\n`);
      context.terminal.out(`Next:\n${dir === "." ? "" : `  cd ${dir}\n`}  cambium up\n`);
    });
}

async function writeProject(dir: string, name: string, timezone: string): Promise<string[]> {
  const files = starterFiles(name, titleFrom(name), timezone, `wk_${randomBytes(12).toString("hex")}`);
  // A name or zone from the command line is checked like any other definition, before anything is written.
  projectFromFiles(files, dir);
  const present: string[] = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [] as string[];
    throw error;
  });
  const taken = Object.keys(files).filter(
    (file) => present.includes(file.split("/")[0] ?? "") && file !== ".gitignore" && file !== "README.md",
  );
  if (present.includes(configFile) || taken.length > 0) {
    throw new CambiumError(
      "BAD_REQUEST",
      `${dir} already holds ${present.includes(configFile) ? configFile : (taken[0] ?? "")}: nothing was written.`,
    );
  }
  const written = Object.entries(files).filter(([file]) => !present.includes(file));
  for (const [file, text] of written) {
    await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
    await writeFile(path.join(dir, file), text);
  }
  await writeSchemas(schemasDir(dir));
  return written.map(([file]) => file);
}

function nameFrom(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "");
  return name === "" ? "growth" : name.slice(0, 63);
}

function titleFrom(name: string): string {
  return name
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(" ");
}

function machineZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
