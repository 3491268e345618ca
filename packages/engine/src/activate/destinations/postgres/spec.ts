import type { DestinationSpec } from "../../destination.js";

export const postgresSpec: DestinationSpec = {
  type: "postgres",
  title: "Postgres",
  pacesRequests: true,
  settings: [
    {
      name: "url",
      label: "Connection",
      description: "postgres://user:password@host:5432/database?sslmode=…",
      type: "string",
      required: true,
      secret: true,
    },
    { name: "table", label: "Table", description: "The sync's name unless said", type: "string", required: false, secret: false },
    { name: "schema", label: "Schema", description: "public unless said", type: "string", required: false, secret: false },
    {
      name: "key_column",
      label: "Key column",
      description: "Unique column that tells rows apart; the field mapped from the sync's key unless said, else _key",
      type: "string",
      required: false,
      secret: false,
    },
    { name: "create", label: "Create table and columns", description: "true unless said", type: "boolean", required: false, secret: false },
  ],
  actions: [
    {
      name: "write_rows",
      title: "Write rows of a table",
      description: "Inserts, updates by the key, and deletes rows that left",
      fields: [],
      batchRowsMax: 1000,
      modes: ["upsert", "mirror", "add_remove", "append"],
    },
  ],
};
