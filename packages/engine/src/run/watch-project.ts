import { type FSWatcher, watch } from "node:fs";
import path from "node:path";

/** Calls back, a moment after the last of several writes, when a definition of the project changed. */
const settleMs = 300;

export function watchProject(dir: string, onChange: () => Promise<void>): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  watcher = watch(dir, { recursive: true }, (_event, file) => {
    if (file === null || file.split(path.sep)[0] === ".cambium") return;
    clearTimeout(timer);
    timer = setTimeout(() => void onChange(), settleMs);
  });
  watcher.on("error", () => {
    // Too many files to watch on this machine: changes are then seen at the next start.
    watcher?.close();
    watcher = undefined;
  });
  return {
    close() {
      clearTimeout(timer);
      watcher?.close();
    },
  };
}
