import { writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Writes the pages of docs/ that follow from code: `npm run docs`. A test says when one is out of date. */

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** docs/errors.md from the table in base/errors.ts. */
export function errorsPage(codes) {
  const rows = Object.entries(codes).map(([code, { status, next }]) => `| \`${code}\` | ${status} | ${next.replaceAll("|", "\\|")} |`);
  return `# Errors

Every error that Cambium raises on purpose has one of these codes. The command line prints the message and what to do next;
\`--json\` and the HTTP API answer \`{ "error": { code, message, next, details } }\` with the status.

| code | HTTP status | what to do |
| --- | --- | --- |
${rows.join("\n")}
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { build } = await import("esbuild");
  const bundled = await build({
    entryPoints: [path.join(root, "packages/engine/src/base/errors.ts")],
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  const { errorCodes } = await import(`data:text/javascript;base64,${Buffer.from(bundled.outputFiles[0].contents).toString("base64")}`);
  await writeFile(path.join(root, "docs/errors.md"), errorsPage(errorCodes));
  process.stdout.write("Wrote docs/errors.md.\n");
}
