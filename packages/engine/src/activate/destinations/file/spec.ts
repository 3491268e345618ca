import type { DestinationSpec } from "../../destination.js";

export const fileSpec: DestinationSpec = {
  type: "file",
  title: "Files",
  pacesRequests: true,
  settings: [
    {
      name: "path",
      label: "Folder",
      description: "Absolute, or within the project's folder",
      type: "string",
      required: true,
      secret: false,
    },
    { name: "format", label: "Format", description: "csv, jsonl or parquet", type: "string", required: false, secret: false },
    {
      name: "file",
      label: "File name without ending",
      description: "The sync's name unless said",
      type: "string",
      required: false,
      secret: false,
    },
  ],
  actions: [
    {
      name: "table",
      title: "Keep one file with all rows",
      description: "Each delivery writes the file anew beside the old one and then takes its place; column _key holds the row's id",
      fields: [],
      batchRowsMax: 100_000,
      modes: ["upsert", "mirror", "add_remove"],
    },
    {
      name: "changes",
      title: "Add a file of changes",
      description: "Each delivery adds one file to a folder, with columns _key and _change; the same batch again replaces its file",
      fields: [],
      batchRowsMax: 100_000,
      modes: ["append", "upsert", "mirror", "add_remove"],
    },
  ],
};
