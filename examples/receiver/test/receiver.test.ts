import { readFile, rm, mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { startReceiver } from "../receiver.js";

const row = (key: string, change = "add", fields: Record<string, unknown> = { plan: "pro" }) => ({
  key,
  change,
  idempotency_key: `${key} ${change}`,
  fields,
});

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });

test("webhook rows become tables that a person can read, repetitions counted once", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "receiver-"));
  const receiver = await startReceiver({ recordFile: path.join(folder, "requests.ndjson") });
  try {
    const message = { type: "rows.changed", sync: "workspaces", mode: "mirror", data: [row("w1"), row("w2", "add", { name: "<script>" })] };
    expect((await post(`${receiver.url}/hooks/backend`, message)).status).toBe(200);
    await post(`${receiver.url}/hooks/backend`, message);
    await post(`${receiver.url}/hooks/backend`, { ...message, data: [row("w1", "remove")] });
    expect(receiver.tools()).toEqual([
      {
        name: "backend",
        tables: [
          { name: "workspaces", count: 1, note: "mirror, 5 received, 2 of them repetitions", rows: [{ key: "w2", name: "<script>" }] },
        ],
      },
    ]);
    const page = await (await fetch(`${receiver.url}/tools/backend`)).text();
    expect(page).toContain("<td>w2</td>");
    expect(page).toContain("&#60;script&#62;");
    expect(await (await fetch(`${receiver.url}/`)).text()).toContain("3 requests so far");
    expect((await post(`${receiver.url}/hooks/backend`, { nonsense: true })).status).toBe(400);
  } finally {
    await receiver.close();
  }
  const recorded = (await readFile(path.join(folder, "requests.ndjson"), "utf8")).trim().split("\n");
  expect(recorded).toHaveLength(4);
  await rm(folder, { recursive: true });
});

test("requests for an outside tool reach its simulator", async () => {
  const receiver = await startReceiver();
  try {
    const identify = { type: "person", action: "identify", identifiers: { id: "u1" }, attributes: { plan: "pro" } };
    const answer = await post(`${receiver.url}/api/v2/entity`, identify, {
      "x-destination-host": "track.customer.io",
      authorization: "Basic eA==",
    });
    expect(answer.status).toBe(200);
    await post(`${receiver.url}/slack/chat.postMessage`, { channel: "C1", text: "Hello" }, { authorization: "Bearer xoxb" });
    expect(receiver.tools().map((tool) => [tool.name, tool.tables[0]?.count])).toEqual([
      ["customerio", 1],
      ["slack", 1],
    ]);
  } finally {
    await receiver.close();
  }
});

test("trouble on purpose comes when it was asked for, and ends", async () => {
  const receiver = await startReceiver({
    faults: [
      { type: "status", status: 429, retry_after_seconds: 2, times: 1 },
      { type: "half_broken", status: 422, times: 1 },
      { type: "reset", times: 1 },
    ],
  });
  try {
    const send = () => post(`${receiver.url}/hooks/x`, { type: "rows.changed", sync: "s", mode: "upsert", data: [row("a"), row("b")] });
    const busy = await send();
    expect([busy.status, busy.headers.get("retry-after")]).toEqual([429, "2"]);
    expect(await (await send()).json()).toEqual({
      results: [
        { key: "a", status: 200 },
        { key: "b", status: 422, error: "this row is broken on purpose" },
      ],
    });
    await expect(send()).rejects.toThrow();
    expect((await send()).status).toBe(200);
    const changed = await fetch(`${receiver.url}/faults`, { method: "PUT", body: JSON.stringify([{ type: "status", status: 503 }]) });
    expect(changed.status).toBe(200);
    expect((await send()).status).toBe(503);
    expect((await fetch(`${receiver.url}/faults`, { method: "PUT", body: "[{}]" })).status).toBe(400);
  } finally {
    await receiver.close();
  }
});

test("a hook with a secret takes only what is signed with it", async () => {
  const secret = `whsec_${Buffer.from("twenty-four bytes or more").toString("base64")}`;
  const receiver = await startReceiver({ secrets: { backend: secret } });
  try {
    const message = { type: "rows.changed", sync: "s", mode: "upsert", data: [row("a")] };
    const seconds = Math.floor(Date.now() / 1000);
    const headers = (signedWith: string) => ({
      "webhook-id": "m1",
      "webhook-timestamp": String(seconds),
      "webhook-signature": new Webhook(signedWith).sign("m1", new Date(seconds * 1000), JSON.stringify(message)),
    });
    expect((await post(`${receiver.url}/hooks/backend`, message)).status).toBe(401);
    expect(
      (
        await post(
          `${receiver.url}/hooks/backend`,
          message,
          headers(`whsec_${Buffer.from("another secret altogether").toString("base64")}`),
        )
      ).status,
    ).toBe(401);
    expect((await post(`${receiver.url}/hooks/backend`, message, headers(secret))).status).toBe(200);
    expect(receiver.tools()[0]?.tables[0]?.count).toBe(1);
  } finally {
    await receiver.close();
  }
});
