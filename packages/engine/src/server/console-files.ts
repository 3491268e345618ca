import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { CambiumError } from "../base/errors.js";
import { type SecuritySettings, contentPolicy, signIn } from "./security.js";

/** The console's built files; every address that is neither a file nor the API shows its first page (the console routes itself). */

export interface ConsoleFiles {
  readonly dir: string;
  /** The first page as it is now: a console that is built again is served without a restart. */
  page(): Promise<ConsolePage>;
}

interface ConsolePage {
  readonly html: string;
  /** `'sha256-…'` of its own inline scripts. */
  readonly scriptHashes: readonly string[];
}

/** Undefined where the console is not built. */
export async function findConsole(dir: string | undefined): Promise<ConsoleFiles | undefined> {
  if (dir === undefined) return undefined;
  const file = path.join(dir, "index.html");
  let read: { readonly version: string; readonly page: ConsolePage } | undefined;
  const page = async () => {
    const { mtimeMs, size } = await stat(file);
    const version = `${mtimeMs} ${size}`;
    if (read?.version !== version) {
      const html = await readFile(file, "utf8");
      read = { version, page: { html, scriptHashes: inlineScriptHashes(html) } };
    }
    return read.page;
  };
  try {
    await page();
    return { dir, page };
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

export async function serveConsole(server: FastifyInstance, files: ConsoleFiles | undefined, settings: SecuritySettings): Promise<void> {
  if (files !== undefined) {
    await server.register(fastifyStatic, {
      root: files.dir,
      index: false,
      dotfiles: "deny",
      cacheControl: false,
      setHeaders: (reply, file) => {
        // Vite puts a hash into the name of everything below assets/.
        reply.setHeader(
          "cache-control",
          file.includes(`${path.sep}assets${path.sep}`) ? "public, max-age=31536000, immutable" : "no-cache",
        );
      },
    });
  }
  const shell = async (request: FastifyRequest, reply: FastifyReply) => {
    const signedIn = signIn(request, reply, settings);
    if (signedIn !== undefined) return signedIn;
    // While a build runs, the page is missing for a moment.
    const page = await files?.page().catch((thrown: unknown) => {
      if (isMissing(thrown)) return undefined;
      throw thrown;
    });
    return reply
      .type("text/html; charset=utf-8")
      .header("cache-control", "no-cache")
      .header("content-security-policy", contentPolicy(page?.scriptHashes ?? []))
      .send(page?.html ?? notBuilt);
  };
  for (const address of ["/", "/index.html"]) server.get(address, shell);
  server.setNotFoundHandler((request, reply) => {
    const page = (request.method === "GET" || request.method === "HEAD") && (request.headers.accept ?? "").includes("text/html");
    if (page && !/^\/(api|v1)(\/|$)/.test(request.url)) return shell(request, reply);
    throw new CambiumError("NOT_FOUND", `${request.method} ${request.url.split("?", 1)[0] ?? ""} does not exist`);
  });
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}

function inlineScriptHashes(html: string): string[] {
  return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    (match) =>
      `'sha256-${createHash("sha256")
        .update(match[1] ?? "")
        .digest("base64")}'`,
  );
}

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Cambium</title>
<body><h1>The console is not built</h1><p>Run <code>npm run build</code> in the repository, then start again. The API under /api works without it.</p></body></html>`;
