import { startReceiver } from "./receiver.js";

/** `node examples/receiver/main.ts [port]` (built): runs until it is told to stop. */
const port = Number(process.argv[2] ?? process.env["RECEIVER_PORT"] ?? 4320);
const receiver = await startReceiver({ port });
process.stdout.write(`The receiver shows what it was sent at ${receiver.url}\n`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void receiver.close());
