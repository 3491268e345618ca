import { Link } from "react-router";
import type { EntityRef } from "../../../engine/src/server/contract.js";
import { entityPath } from "../paths.js";

export function EntityLink({ entity }: { entity: EntityRef }) {
  return (
    <Link to={entityPath(entity.kind, entity.key)} style={{ position: "relative", zIndex: 1, overflowWrap: "anywhere" }}>
      {entity.name ?? entity.key}
    </Link>
  );
}
