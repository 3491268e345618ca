/** Resolves at the first Ctrl-C or termination signal, or when `ended` aborts; a second Ctrl-C ends the process at once. */
export async function untilInterrupted(ended?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.once("SIGINT", () => process.exit(130));
      resolve();
    };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
    ended?.addEventListener("abort", () => resolve(), { once: true });
    if (ended?.aborted === true) resolve();
  });
}
