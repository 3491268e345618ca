import { Button, Checkbox, Popover } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { IconColumns3 } from "@tabler/icons-react";
import { useMemo } from "react";
import type { EntityColumn } from "../../../../engine/src/server/contract.js";

/** Which columns of a list are shown: the scores, the first traits and the last visit, until someone chooses. */

const traitsFirst = 3;

/** Columns that may be left out; the name always stays. */
function optional(columns: readonly EntityColumn[]): EntityColumn[] {
  const named = columns.some((column) => column.role === "name");
  return columns.filter((column) => column.role !== "name" && (column.role !== "key" || named));
}

export function useChosenColumns(
  kind: string,
  columns: readonly EntityColumn[] | undefined,
): [readonly string[], (chosen: string[]) => void] {
  const [stored, setStored] = useLocalStorage<string[] | null>({
    key: `cambium-columns-${kind}`,
    defaultValue: null,
    getInitialValueInEffect: false,
  });
  const chosen = useMemo(() => {
    if (stored !== null) return stored;
    const all = optional(columns ?? []);
    const traits = all.filter((column) => column.role === "trait").slice(0, traitsFirst);
    return [...all.filter((column) => column.role === "score" || column.name === "last_seen"), ...traits].map((column) => column.name);
  }, [stored, columns]);
  return [chosen, setStored];
}

export function ColumnMenu(props: { columns: readonly EntityColumn[]; chosen: readonly string[]; onChoose: (chosen: string[]) => void }) {
  return (
    <Popover position="bottom-end" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" leftSection={<IconColumns3 size={15} aria-hidden />} style={{ marginLeft: "auto" }}>
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Columns to show" style={{ maxHeight: 360, overflowY: "auto" }}>
        <Checkbox.Group value={[...props.chosen]} onChange={props.onChoose}>
          <div style={{ display: "grid", gap: 9 }}>
            {optional(props.columns).map((column) => (
              <Checkbox key={column.name} value={column.name} label={column.title} size="xs" />
            ))}
          </div>
        </Checkbox.Group>
      </Popover.Dropdown>
    </Popover>
  );
}
