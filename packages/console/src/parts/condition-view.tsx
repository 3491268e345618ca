import { Link } from "react-router";
import type { Json } from "../../../engine/src/server/contract.js";
import { type Words, spaced, wordsOf } from "../format/conditions.js";
import { audiencePath } from "../paths.js";
import style from "./parts.module.css";

/** A definition's condition as a list of sentences; audiences it names are links. */
export function ConditionView({ condition, titles }: { condition: Json; titles?: ReadonlyMap<string, string> }) {
  const words = wordsOf(condition);
  return (
    <ul className={style["tree"]}>
      <Node words={words} titles={titles} />
    </ul>
  );
}

function Node({ words, titles }: { words: Words; titles: ReadonlyMap<string, string> | undefined }) {
  return (
    <li style={{ padding: "2px 0" }}>
      <span className={words.children.length > 0 ? "faint" : undefined} style={{ overflowWrap: "anywhere" }}>
        {words.text}
      </span>
      {words.audience === undefined ? null : (
        <>
          {" "}
          <Link to={audiencePath(words.audience)}>{titles?.get(words.audience) ?? spaced(words.audience)}</Link>
        </>
      )}
      {words.children.length === 0 ? null : (
        <ul>
          {words.children.map((child, index) => (
            <Node key={index} words={child} titles={titles} />
          ))}
        </ul>
      )}
    </li>
  );
}
