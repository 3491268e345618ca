import { IconCheck, IconChevronRight, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import type { Explanation } from "../../../engine/src/server/contract.js";
import { formatCount, formatScore, plural } from "../format/numbers.js";
import { Ago } from "./time.js";
import { Plain } from "./value-tree.js";
import style from "./explanation-tree.module.css";

/** The answer to "why": a value, how it follows from its inputs, and theirs, down to the events. Branches open and close. */

const openDepth = 3;

export function ExplanationTree({ explanation }: { explanation: Explanation }) {
  return (
    <ul className={style["tree"]}>
      <Node node={explanation} depth={0} />
    </ul>
  );
}

function Node({ node, depth }: { node: Explanation; depth: number }) {
  const events = node.events ?? [];
  const opens = node.children.length > 0 || events.length > 0;
  const [open, setOpen] = useState(depth < openDepth);
  return (
    <li className={`${style["node"]} ${depth === 0 ? style["root"] : ""}`}>
      <div className={style["head"]}>
        <span className={style["title"]}>
          {node.holds === undefined ? null : <Holds holds={node.holds} />}
          {opens && depth > 0 ? (
            <button type="button" className={style["toggle"]} aria-expanded={open} onClick={() => setOpen(!open)}>
              <IconChevronRight size={14} aria-hidden />
              {node.title}
            </button>
          ) : (
            node.title
          )}
        </span>
        {node.version === undefined && node.at === undefined ? null : (
          <span className={style["kind"]}>
            {node.version === undefined ? null : `version ${node.version} `}
            {node.at === undefined ? null : <Ago at={node.at} />}
          </span>
        )}
        <Value node={node} />
      </div>
      {node.detail === undefined ? null : <p className={style["more"]}>{node.detail}</p>}
      {node.formula === undefined ? null : <p className={`${style["more"]} ${style["formula"]}`}>{node.formula}</p>}
      {opens && (open || depth === 0) ? (
        <ul>
          {node.children.map((child, index) => (
            <Node key={index} node={child} depth={depth + 1} />
          ))}
          {events.length === 0 ? null : (
            <li>
              <Events node={node} open={depth < 2} />
            </li>
          )}
        </ul>
      ) : null}
    </li>
  );
}

function Holds({ holds }: { holds: boolean }) {
  return holds ? (
    <>
      <IconCheck className={style["holds"] ?? ""} color="var(--green-live)" stroke={2.4} aria-hidden />
      <span className="visually-hidden">holds: </span>
    </>
  ) : (
    <>
      <IconX className={style["holds"] ?? ""} color="var(--clay-live)" stroke={2.4} aria-hidden />
      <span className="visually-hidden">does not hold: </span>
    </>
  );
}

/** Kinds whose missing value says something; of others it only means that there is none to show. */
const valued: ReadonlySet<string | undefined> = new Set(["trait", "component", "score"]);
const outOf100: ReadonlySet<string | undefined> = new Set(["component", "score"]);

function Value({ node }: { node: Explanation }) {
  // The mark before the title has said it already.
  if (typeof node.value === "boolean" && node.holds !== undefined) return null;
  if (node.value === null && !valued.has(node.kind)) return null;
  return (
    <span className={`${style["value"]} num`}>
      {typeof node.value === "number" && outOf100.has(node.kind) ? formatScore(node.value) : <Plain value={node.value} />}
    </span>
  );
}

const eventsFirst = 5;

function Events({ node, open: openAtFirst }: { node: Explanation; open: boolean }) {
  const events = node.events ?? [];
  const total = node.eventsTotal ?? events.length;
  const [open, setOpen] = useState(openAtFirst);
  const [all, setAll] = useState(false);
  const shown = all || events.length <= eventsFirst + 1 ? events : events.slice(0, eventsFirst);
  return (
    <>
      <button type="button" className={style["toggle"]} aria-expanded={open} onClick={() => setOpen(!open)} style={{ marginTop: 6 }}>
        <IconChevronRight size={14} aria-hidden />
        <span className="soft">{plural(total, "event")} behind it</span>
      </button>
      {open ? (
        <ul className={style["events"]} aria-label="Events behind it">
          {shown.map((event) => (
            <li key={event.messageId}>
              <Link to={`/events?message=${encodeURIComponent(event.messageId)}`}>{event.event ?? event.type}</Link>
              {event.detail === null ? null : <span className="soft">{event.detail}</span>}
              <span className="faint" style={{ marginLeft: "auto" }}>
                <Ago at={event.timestamp} />
              </span>
            </li>
          ))}
          {shown.length < events.length ? (
            <li>
              <button type="button" className={style["toggle"]} style={{ marginLeft: 0 }} onClick={() => setAll(true)}>
                Show {events.length - shown.length} more
              </button>
            </li>
          ) : total > events.length ? (
            <li className="faint num">{formatCount(total - events.length)} more events count too</li>
          ) : null}
        </ul>
      ) : null}
    </>
  );
}
