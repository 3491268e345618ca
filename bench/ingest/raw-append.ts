import { createServer } from "node:http";
import { Spool } from "../../packages/engine/src/collect/spool/spool.js";

/** The limit beside the collector: the same server and the same group commit, without looking at what arrives. */
const spool = await Spool.open({ dir: process.argv[2] ?? "" });
const answer = Buffer.from('{"success":true}');
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    spool.append(body, 1, (failed) => {
      response.writeHead(failed === undefined ? 200 : 503, { "content-type": "application/json", "content-length": String(answer.length) });
      response.end(answer);
    });
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ type: "ready", port: typeof address === "object" ? address?.port : 0 });
});
