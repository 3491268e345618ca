import { type FSWatcher, watch } from "node:fs";
import path from "node:path";

/** Calls back, a moment after the last of several writes, when a definition of the project changed. */
const settleMs = 300;

export function watchProject(dir: string, onChange: () => Promise<void>): { close(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let changing: Promise<void> = Promise.resolve();
  let watcher: FSWatcher | undefined;
  watcher = watch(dir, { recursive: true }, (_event, file) => {
    if (file === null || file.split(path.sep)[0] === ".cambium") return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      changing = changing.then(onChange, onChange);
    }, settleMs);
  });
  watcher.on("error", () => {
    // Too many files to watch on this machine: changes are then seen at the next start.
    watcher?.close();
    watcher = undefined;
  });
  return {
    /** Whoever reads the changed definitions has ended afterwards: the folder may go. */
    async close() {
      clearTimeout(timer);
      watcher?.close();
      await changing;
    },
  };
}
