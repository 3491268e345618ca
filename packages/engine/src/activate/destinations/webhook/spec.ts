import type { DestinationSpec } from "../../destination.js";

export const webhookSpec: DestinationSpec = {
  type: "webhook",
  title: "Webhook",
  pacesRequests: true,
  settings: [
    { name: "url", label: "Address", description: "http(s) address that takes a POST", type: "string", required: true, secret: false },
    {
      name: "secret",
      label: "Signing secret",
      description: "whsec_… as Standard Webhooks defines it",
      type: "string",
      required: false,
      secret: true,
    },
    { name: "headers", label: "Further headers", type: "object", required: false, secret: true },
  ],
  actions: [
    {
      name: "send_batch",
      title: "Send rows in batches",
      description: "One request for many rows; the receiver may answer per row",
      fields: [],
      batchRowsMax: 1000,
      modes: ["upsert", "mirror", "add_remove", "append"],
    },
    {
      name: "send",
      title: "Send each row",
      description: "One request a row",
      fields: [],
      batchRowsMax: 16,
      modes: ["upsert", "mirror", "add_remove", "append"],
    },
  ],
};
