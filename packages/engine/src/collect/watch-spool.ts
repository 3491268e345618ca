import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { sealedSuffix } from "./spool/node-folder.js";

export interface SpoolWatch {
  close(): void;
}

/** A change that the operating system did not tell of is found this late. */
const safetyPollMs = 2_000;

/**
 * Calls `onSealed` soon after a segment is sealed by any collector of this spool, and at once if some are there. It is a
 * hint: it may be called once for several segments, or for none. Idle it costs a look at a few folders every two seconds.
 */
export function watchSpool(spoolDir: string, onSealed: () => void): SpoolWatch {
  const watchers = new Map<string, FSWatcher>();
  let closed = false;
  const follow = (dir: string, onName: (file: string) => void) => {
    if (watchers.has(dir)) return;
    try {
      const watcher = watch(dir, { persistent: false }, (_, file) => onName(String(file)));
      watcher.on("error", () => {
        watcher.close();
        watchers.delete(dir);
      });
      watchers.set(dir, watcher);
    } catch {
      // Too many watches, or the folder is not there yet: the poll sees it, and tries to follow it again.
      watchers.delete(dir);
    }
  };
  const look = async () => {
    follow(spoolDir, () => void look());
    let found = false;
    for (const entry of await readdir(spoolDir, { withFileTypes: true }).catch(() => [])) {
      if (closed || !entry.isDirectory()) continue;
      const dir = path.join(spoolDir, entry.name);
      follow(dir, (file) => {
        if (file.endsWith(sealedSuffix)) onSealed();
      });
      found ||= (await readdir(dir).catch(() => [])).some((file) => file.endsWith(sealedSuffix));
    }
    if (found && !closed) onSealed();
  };
  const poll = setInterval(() => void look(), safetyPollMs);
  poll.unref();
  void look();
  return {
    close() {
      closed = true;
      clearInterval(poll);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}
