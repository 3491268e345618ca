import style from "./parts.module.css";

/** Placeholders in the shape of what comes; read out once as "Loading". */

export function Skeleton({ height, width = "100%" }: { height: number; width?: number | string }) {
  return <div className={style["skeleton"]} style={{ height, width }} aria-hidden="true" />;
}

export function PageSkeleton() {
  return (
    <div role="status" aria-live="polite">
      <span className="visually-hidden">Loading the page</span>
      <Skeleton height={34} width={240} />
      <div style={{ height: 12 }} />
      <Skeleton height={16} width="min(480px, 100%)" />
      <div style={{ height: 28 }} />
      <Skeleton height={120} />
      <div style={{ height: 16 }} />
      <Skeleton height={320} />
    </div>
  );
}

export function RowsSkeleton({ rows = 8 }: { rows?: number }) {
  return (
    <div role="status" aria-live="polite" style={{ padding: "8px 18px 16px" }}>
      <span className="visually-hidden">Loading rows</span>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} style={{ padding: "9px 0" }}>
          <Skeleton height={18} width={`${92 - ((index * 17) % 38)}%`} />
        </div>
      ))}
    </div>
  );
}
