import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Panel } from "./panel.js";
import { Problem } from "./notes.js";
import { PageSkeleton } from "./skeletons.js";

/**
 * A query's three faces. A failed refresh never wipes what is on the screen: the problem only shows where there is
 * nothing else.
 */
export function Answer<Data>(props: {
  query: Pick<UseQueryResult<Data>, "data" | "error" | "refetch">;
  what: string;
  pending?: ReactNode;
  children: (data: Data) => ReactNode;
}) {
  const { data, error, refetch } = props.query;
  if (data !== undefined) return props.children(data);
  if (error !== null) {
    return (
      <Panel>
        <Problem error={error} what={props.what} retry={() => void refetch()} />
      </Panel>
    );
  }
  return props.pending ?? <PageSkeleton />;
}
