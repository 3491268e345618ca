import { IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import type { Json } from "../../../engine/src/server/contract.js";
import { formatNumber } from "../format/numbers.js";
import style from "./parts.module.css";

/** Properties, traits, context: names at the left, values at the right, objects that open. Never a wall of braces. */

const openDepth = 2;
const childrenMax = 100;

export function ValueTree({ value, empty = "Nothing here." }: { value: Json; empty?: string }) {
  const entries = entriesOf(value);
  if (entries.length === 0) return <p className="faint">{empty}</p>;
  return <Level entries={entries} depth={0} />;
}

function Level({ entries, depth }: { entries: readonly (readonly [string, Json])[]; depth: number }) {
  const shown = entries.slice(0, childrenMax);
  return (
    <ul className={depth === 0 ? style["tree"] : undefined}>
      {shown.map(([name, value]) => (
        <li key={name}>{isBranch(value) ? <Branch name={name} value={value} depth={depth} /> : <Leaf name={name} value={value} />}</li>
      ))}
      {entries.length > shown.length ? <li className="faint">and {entries.length - shown.length} more</li> : null}
    </ul>
  );
}

function Leaf({ name, value }: { name: string; value: Json }) {
  return (
    <div className={style["leaf"]}>
      <span className={style["leafName"]}>{name}</span>
      <span className={style["leafValue"]}>
        <Plain value={value} />
      </span>
    </div>
  );
}

function Branch({ name, value, depth }: { name: string; value: Json; depth: number }) {
  const [open, setOpen] = useState(depth < openDepth);
  const entries = entriesOf(value);
  return (
    <>
      <button type="button" className={style["toggle"]} aria-expanded={open} onClick={() => setOpen(!open)}>
        <IconChevronRight size={14} aria-hidden />
        {name} <span className="faint num">{Array.isArray(value) ? `list of ${entries.length}` : entries.length}</span>
      </button>
      {open ? <Level entries={entries} depth={depth + 1} /> : null}
    </>
  );
}

/** One value as a person writes it. */
export function Plain({ value }: { value: Json }) {
  if (value === null) return <span className="faint">not set</span>;
  if (typeof value === "boolean") return <span>{value ? "yes" : "no"}</span>;
  if (typeof value === "number") return <span className="num">{formatNumber(value)}</span>;
  if (typeof value === "string") return value === "" ? <span className="faint">empty text</span> : <span>{value}</span>;
  if (Array.isArray(value)) {
    return value.length === 0 ? <span className="faint">none</span> : <span>{value.map((item) => textOf(item)).join(", ")}</span>;
  }
  return (
    <span>
      {Object.entries(value)
        .map(([name, item]) => `${name}: ${textOf(item)}`)
        .join(", ")}
    </span>
  );
}

export function textOf(value: Json): string {
  if (value === null) return "not set";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "string") return value;
  return Array.isArray(value)
    ? value.map(textOf).join(", ")
    : Object.entries(value)
        .map(([name, item]) => `${name}: ${textOf(item)}`)
        .join(", ");
}

function isBranch(value: Json): boolean {
  if (value === null || typeof value !== "object") return false;
  if (Array.isArray(value)) return value.some((item) => item !== null && typeof item === "object");
  return Object.keys(value).length > 0;
}

function entriesOf(value: Json): (readonly [string, Json])[] {
  if (value === null || typeof value !== "object") return [];
  if (Array.isArray(value)) return value.map((item, index) => [`${index + 1}`, item] as const);
  return Object.entries(value);
}
