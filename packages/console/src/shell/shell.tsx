import { Drawer } from "@mantine/core";
import { IconMenu2 } from "@tabler/icons-react";
import { Suspense, useEffect, useRef, useState } from "react";
import { Link, Outlet, useLocation } from "react-router";
import { useProject } from "../api/queries.js";
import { PageSkeleton } from "../parts/skeletons.js";
import { RouteBoundary } from "../parts/route-boundary.js";
import { LiveBadge } from "./live-badge.js";
import { Logo } from "./logo.js";
import { Navigation } from "./navigation.js";
import { SchemeButton } from "./scheme-button.js";
import style from "./shell.module.css";

/** The frame around every page: navigation at the side (a drawer on a phone), the page in the middle. */
export function Shell() {
  const [open, setOpen] = useState(false);
  const location = useLocation();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  // After a change of page, a screen reader continues at its top and not at the link that was left.
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [location.pathname]);

  return (
    <div className={style["shell"]}>
      <a className={style["skip"]} href="#main">
        Skip to the page
      </a>
      <header className={style["top"]}>
        <div style={{ display: "flex", alignItems: "center", gap: 4 }}>
          <button
            type="button"
            className={style["iconButton"]}
            aria-label="Open navigation"
            aria-expanded={open}
            onClick={() => setOpen(true)}
          >
            <IconMenu2 size={20} stroke={1.6} aria-hidden />
          </button>
          <Brand />
        </div>
        <LiveBadge />
      </header>
      <aside className={style["side"]} aria-label="Cambium">
        <Side onNavigate={() => undefined} />
      </aside>
      <Drawer
        opened={open}
        onClose={() => setOpen(false)}
        position="left"
        size={264}
        title="Navigation"
        closeButtonProps={{ "aria-label": "Close navigation" }}
      >
        <Side onNavigate={() => setOpen(false)} bare />
      </Drawer>
      <main id="main" ref={main} tabIndex={-1} className={style["main"]}>
        <div className={style["page"]}>
          <RouteBoundary key={location.pathname}>
            <Suspense fallback={<PageSkeleton />}>
              <Outlet />
            </Suspense>
          </RouteBoundary>
        </div>
      </main>
    </div>
  );
}

function Side({ onNavigate, bare = false }: { onNavigate: () => void; bare?: boolean }) {
  const { data: project } = useProject();
  return (
    <div className={style["sideInner"]}>
      {bare ? null : (
        <div>
          <Brand />
          <p className={style["project"]}>{project?.title ?? "\u00a0"}</p>
        </div>
      )}
      <Navigation onNavigate={onNavigate} />
      <div className={style["foot"]}>
        <LiveBadge />
        <SchemeButton />
        {project === undefined ? null : <p className={style["zone"]}>Times of {project.timezone.replaceAll("_", " ")}</p>}
      </div>
    </div>
  );
}

function Brand() {
  return (
    <Link to="/" className={style["brand"]} aria-label="Cambium, overview">
      <Logo />
      Cambium
    </Link>
  );
}
