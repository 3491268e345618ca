import { Drawer } from "@mantine/core";
import { useState } from "react";
import type { DefinitionVersion } from "../../../engine/src/server/contract.js";
import { Empty } from "./notes.js";
import { Pill } from "./pill.js";
import { Ago } from "./time.js";
import { ValueTree } from "./value-tree.js";
import style from "./parts.module.css";

/** Every version of a definition that was ever in force; each opens to what it said. */
export function Versions({ versions }: { versions: readonly DefinitionVersion[] }) {
  const [open, setOpen] = useState<DefinitionVersion | null>(null);
  if (versions.length === 0) return <Empty title="Not in force yet">The definition gets its first version with the next cycle.</Empty>;
  return (
    <>
      <ul style={{ margin: 0, padding: 0, listStyle: "none" }}>
        {versions.map((version, index) => (
          <li
            key={version.version}
            style={{
              display: "flex",
              flexWrap: "wrap",
              alignItems: "center",
              gap: "2px 14px",
              padding: "7px 0",
              borderTop: index === 0 ? "none" : "1px solid var(--line)",
            }}
          >
            <button type="button" className={style["toggle"]} onClick={() => setOpen(version)}>
              Version {version.version}
            </button>
            {index === 0 ? <Pill tone="ok">in force</Pill> : null}
            <span className="faint">
              since <Ago at={version.since} />, cycle {version.cycleId}
            </span>
            <code className="faint" style={{ marginLeft: "auto" }}>
              {version.fingerprint.slice(0, 10)}
            </code>
          </li>
        ))}
      </ul>
      <Drawer
        opened={open !== null}
        onClose={() => setOpen(null)}
        size={620}
        title={open === null ? "" : `Version ${open.version}`}
        closeButtonProps={{ "aria-label": "Close version" }}
      >
        {open === null ? null : <ValueTree value={open.body} />}
      </Drawer>
    </>
  );
}
