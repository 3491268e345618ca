import { randomBytes } from "node:crypto";
import { type FileHandle, link, open, readdir, rm } from "node:fs/promises";
import { type Server, connect, createServer } from "node:net";
import path from "node:path";

/**
 * Ownership of a folder that ends with the process, however it ends: a socket in the folder that the owner listens on.
 * No process id is trusted, which another process may have by then. Sockets are numbered, `lock-1`, `lock-2`, …: who finds
 * the newest one dead gives the next number to its own, which only one can, and takes the older ones away. The newest is
 * never taken away, so a slow one that still looks at an old state finds itself behind.
 */
export interface FolderLock {
  release(): Promise<void>;
}

const triesMax = 20;

/** Undefined when a living process has it. */
export async function lockFolder(dir: string): Promise<FolderLock | undefined> {
  // A socket's path holds about a hundred bytes; through the folder's descriptor it is always short (Linux).
  const handle = process.platform === "linux" ? await open(dir, "r") : undefined;
  const base = handle === undefined ? dir : `/proc/self/fd/${handle.fd}`;
  const own = path.join(base, `lock.${randomBytes(4).toString("hex")}`);
  let server: Server | undefined;
  for (let tries = 0; tries < triesMax; tries += 1) {
    const newest = Math.max(0, ...(await numbersIn(dir)));
    if (newest > 0 && (await answers(socketAt(base, newest)))) break;
    // It listens before it has its number: whoever finds the number finds it alive.
    server ??= await listening(own);
    if (!(await linked(own, socketAt(base, newest + 1)))) continue;
    if (Math.max(...(await numbersIn(dir))) > newest + 1) {
      await rm(socketAt(base, newest + 1), { force: true });
      continue;
    }
    await rm(own, { force: true });
    await removeOlder(dir, base, newest + 1);
    const held = server;
    return { release: () => release(held, handle) };
  }
  server?.close();
  await rm(own, { force: true });
  await handle?.close();
  return undefined;
}

const numbered = /^lock-(\d+)$/;
const socketAt = (base: string, number: number) => path.join(base, `lock-${number}`);

async function numbersIn(dir: string): Promise<number[]> {
  return (await readdir(dir)).flatMap((entry) => Number(numbered.exec(entry)?.[1] ?? []));
}

/** The owner's housekeeping: sockets of those before it, and of those that died before they had a number. */
async function removeOlder(dir: string, base: string, newest: number): Promise<void> {
  for (const entry of await readdir(dir)) {
    const number = numbered.exec(entry)?.[1];
    const isDead = number === undefined && entry.startsWith("lock.") && !(await answers(path.join(base, entry)));
    if (isDead || (number !== undefined && Number(number) < newest)) await rm(path.join(dir, entry), { force: true });
  }
}

function listening(socket: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((client) => client.destroy());
    server.unref();
    server.once("error", reject);
    server.listen(socket, () => resolve(server));
  });
}

/** False when another one has the name. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw thrown;
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const client = connect(socket, () => {
      client.destroy();
      resolve(true);
    });
    client.once("error", () => resolve(false));
  });
}

async function release(server: Server, handle: FileHandle | undefined): Promise<void> {
  // The numbered socket stays, dead: the next owner counts on from it.
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await handle?.close();
}
