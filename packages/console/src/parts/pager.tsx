import { Button } from "@mantine/core";
import type { Page } from "../../../engine/src/server/contract.js";
import { formatCount } from "../format/numbers.js";

export function Pager({ page, shown, onPage, what }: { page: Page; shown: number; onPage: (page: number) => void; what: string }) {
  const first = (page.page - 1) * page.pageRows + 1;
  return (
    <nav
      aria-label={`Pages of ${what}`}
      style={{ display: "flex", flexWrap: "wrap", alignItems: "center", justifyContent: "space-between", gap: 10, padding: "8px 18px" }}
    >
      <span className="faint num" role="status" style={{ fontSize: 13 }}>
        {shown === 0 ? `No ${what}` : `${formatCount(first)}–${formatCount(first + shown - 1)} of ${formatCount(page.total)}`}
      </span>
      {page.page === 1 && !page.more ? null : (
        <span style={{ display: "flex", gap: 8 }}>
          <Button size="compact-sm" variant="default" disabled={page.page <= 1} onClick={() => onPage(page.page - 1)}>
            Previous
          </Button>
          <Button size="compact-sm" variant="default" disabled={!page.more} onClick={() => onPage(page.page + 1)}>
            Next
          </Button>
        </span>
      )}
    </nav>
  );
}
