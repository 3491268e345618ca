import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { afterAll, beforeAll } from "vitest";
import { postgresSuite } from "./postgres-suite.js";

let database: PGlite;
let socket: PGLiteSocketServer;
let port = 0;
beforeAll(async () => {
  database = await PGlite.create();
  socket = new PGLiteSocketServer({ db: database, host: "127.0.0.1", port: 0, maxConnections: 20 });
  const listening = new Promise<number>((resolve) => {
    socket.addEventListener("listening", (event) => resolve((event as CustomEvent<{ port: number }>).detail.port));
  });
  await socket.start();
  port = await listening;
});
afterAll(async () => {
  await socket.stop();
  await database.close();
});

postgresSuite(() => ({
  url: `postgres://postgres:secret-password@127.0.0.1:${port}/postgres?sslmode=disable`,
  allow: [`127.0.0.1:${port}`],
}));
