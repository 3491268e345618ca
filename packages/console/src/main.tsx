import "@fontsource-variable/hanken-grotesk/wght.css";
import "@fontsource-variable/newsreader/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "@mantine/core/styles.layer.css";
import "./theme/tokens.css";
import "./theme/global.css";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router";
import { ApiError } from "./api/client.js";
import { Gate } from "./shell/gate.js";
import { router } from "./router.js";
import { theme, variables } from "./theme/theme.js";

/** The console's composition root. */

const retriesMax = 2;

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // Wrong requests do not become right by repetition; an engine that restarts does come back.
      retry: (count, error) => count < retriesMax && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      retryDelay: (attempt) => 400 * 2 ** attempt,
      refetchOnWindowFocus: false,
    },
  },
});

// A tab that is older than the engine's build asks for files that are gone: it takes the new build, at most once a minute.
const reloadAfterMs = 60_000;
window.addEventListener("vite:preloadError", () => {
  const last = Number(sessionStorage.getItem("cambium-reloaded") ?? "0");
  if (Date.now() - last < reloadAfterMs) return;
  sessionStorage.setItem("cambium-reloaded", String(Date.now()));
  window.location.reload();
});

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <Gate>
          <RouterProvider router={router} />
        </Gate>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
