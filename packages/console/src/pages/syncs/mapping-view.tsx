import type { Json, SyncDetail } from "../../../../engine/src/server/contract.js";
import { spaced } from "../../format/conditions.js";
import { ConditionView } from "../../parts/condition-view.js";
import { DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { textOf } from "../../parts/value-tree.js";

/** Field of the destination ← where its value comes from, in words. */
export function MappingView({ sync }: { sync: SyncDetail }) {
  const body = fieldsOf(sync.definition.body);
  const mapping = Object.entries(fieldsOf(body["mapping"] ?? null)).map(([field, value]) => ({ field, value }));
  const where = fieldsOf(body["from"] ?? null)["where"];
  if (mapping.length === 0) return <Empty title="No fields">The definition maps nothing.</Empty>;
  return (
    <>
      {where === undefined ? null : (
        <div style={{ marginBottom: 12 }}>
          <p className="faint">Only those for which</p>
          <ConditionView condition={where} />
        </div>
      )}
      <p className="soft" style={{ marginBottom: 8 }}>
        A row is recognised there by <code>{textOf(body["key"] ?? "key")}</code>. The first run sends{" "}
        {body["first_run"] === "new" ? "only what changes from then on" : "everything"}.
      </p>
      <DataTable
        label="Fields"
        rows={mapping}
        rowKey={(row) => row.field}
        columns={[
          { id: "field", header: "Field there", cell: (row) => <code>{row.field}</code>, value: (row) => row.field },
          { id: "value", header: "Value from here", cell: (row) => sourceWords(row.value) },
        ]}
      />
    </>
  );
}

function sourceWords(value: Json): string {
  if (typeof value === "string") return spaced(value);
  const fields = fieldsOf(value);
  if (fields["constant"] !== undefined) return `always ${textOf(fields["constant"])}`;
  if (fields["template"] !== undefined) return `template ${textOf(fields["template"])}`;
  const parts = [spaced(textOf(fields["column"] ?? null))];
  if (fields["transform"] !== undefined) parts.push(`as ${spaced(textOf(fields["transform"]))}`);
  if (fields["default"] !== undefined) parts.push(`else ${textOf(fields["default"])}`);
  return parts.join(", ");
}

function fieldsOf(value: Json): Readonly<Record<string, Json>> {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}
