import type { Json } from "../../../../engine/src/server/contract.js";
import { ValueTree } from "../../parts/value-tree.js";
import parts from "../../parts/parts.module.css";

/** A request's or answer's body: names and values where it is JSON, text where it is not. */
export function BodyView({ body, empty }: { body: string | null | undefined; empty: string }) {
  if (body === null || body === undefined || body === "") return <p className="faint">{empty}</p>;
  const parsed = parse(body);
  if (parsed !== null && typeof parsed === "object") return <ValueTree value={parsed} empty={empty} />;
  return (
    <pre className={parts["code"]} tabIndex={0}>
      {body}
    </pre>
  );
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
