import { type FileHandle, open, rm } from "node:fs/promises";
import { type Server, connect, createServer } from "node:net";
import path from "node:path";

/**
 * Ownership of a folder that ends with the process, however it ends: a socket in the folder that the owner listens on.
 * Nothing has to be cleaned up after a crash, and no process id is trusted, which another process may have by then.
 */
export interface FolderLock {
  release(): Promise<void>;
}

const triesMax = 5;

/** Undefined when a living process has it. */
export async function lockFolder(dir: string): Promise<FolderLock | undefined> {
  // A socket's path holds about a hundred bytes; through the folder's descriptor it is always short (Linux).
  const handle = process.platform === "linux" ? await open(dir, "r") : undefined;
  const file = path.join(dir, "lock");
  const socket = handle === undefined ? file : `/proc/self/fd/${handle.fd}/lock`;
  for (let tries = 0; tries < triesMax; tries += 1) {
    const server = await listening(socket);
    if (server !== undefined) return { release: () => release(server, handle) };
    if (await answers(socket)) break;
    // Its owner is gone: a dead socket refuses.
    await rm(file, { force: true });
  }
  await handle?.close();
  return undefined;
}

function listening(socket: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((client) => client.destroy());
    server.unref();
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen(socket, () => resolve(server));
  });
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
  // Closing removes the socket through the descriptor, so that goes last.
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await handle?.close();
}
