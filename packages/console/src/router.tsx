import { type ComponentType, lazy } from "react";
import { createBrowserRouter } from "react-router";
import { NotFound } from "./pages/not-found.js";
import { Shell } from "./shell/shell.js";

/** Each page is a bundle of its own, fetched when it is first opened. */
function page(load: () => Promise<ComponentType>) {
  const Page = lazy(async () => ({ default: await load() }));
  return <Page />;
}

export const router = createBrowserRouter([
  {
    element: <Shell />,
    children: [
      { path: "/", element: page(async () => (await import("./pages/overview/overview-page.js")).OverviewPage) },
      { path: "/events", element: page(async () => (await import("./pages/events/events-page.js")).EventsPage) },
      { path: "/runs", element: page(async () => (await import("./pages/runs/runs-page.js")).RunsPage) },
      { path: "/entities/:kind", element: page(async () => (await import("./pages/entities/entities-page.js")).EntitiesPage) },
      { path: "/entities/:kind/:key", element: page(async () => (await import("./pages/entities/profile-page.js")).ProfilePage) },
      { path: "/scores", element: page(async () => (await import("./pages/scores/scores-page.js")).ScoresPage) },
      { path: "/scores/:name", element: page(async () => (await import("./pages/scores/score-page.js")).ScorePage) },
      { path: "/audiences", element: page(async () => (await import("./pages/audiences/audiences-page.js")).AudiencesPage) },
      { path: "/audiences/:name", element: page(async () => (await import("./pages/audiences/audience-page.js")).AudiencePage) },
      { path: "/syncs", element: page(async () => (await import("./pages/syncs/syncs-page.js")).SyncsPage) },
      { path: "/syncs/:name", element: page(async () => (await import("./pages/syncs/sync-page.js")).SyncPage) },
      { path: "*", element: <NotFound /> },
    ],
  },
]);
