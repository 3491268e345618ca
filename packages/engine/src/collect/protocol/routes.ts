/** What a path asks for. Plain data, so that the whole table can be tested without a server. */
export type Route =
  | { readonly to: "events"; readonly type: string | undefined }
  | { readonly to: "pixel"; readonly type: string | undefined }
  | { readonly to: "settings"; readonly key: string }
  | { readonly to: "source_config" }
  | { readonly to: "snippet"; readonly key: string }
  | { readonly to: "flags" }
  | { readonly to: "health" }
  | { readonly to: "metrics" }
  | { readonly to: "nothing" };

const shortNames: Readonly<Record<string, string>> = {
  t: "track",
  i: "identify",
  p: "page",
  s: "screen",
  g: "group",
  a: "alias",
};
const calls = "track|identify|page|screen|group|alias";

const single = new RegExp(`^(?:/v1)?/(?:(${calls})|([tipsga]))$`);
const many = /^(?:\/v1)?\/(?:b|batch|import)$|^\/beacon\/v1\/batch$|^\/(?:capture|e)$|^\/i\/v0\/e$|^\/api\/s\/(?:s2s\/)?batch$/;
const jitsu = /^\/api\/s\/(?:s2s\/)?(\w+)$/;
const pixel = new RegExp(`^/(?:v1/pixel|pixel/v1)/(${calls}|[tipsga])$`);
const settings = /^\/v1\/projects\/([^/]+)\/settings$/;
const snippet = /^\/analytics\.js\/v1\/([^/]+)\/analytics(?:\.min)?\.js$/;

const known = new Map<string, Route>();
/** Paths of hostile clients are not remembered for ever. */
const knownMax = 200;

/** `path` without a query; trailing slashes do not matter. */
export function routeOf(method: string, path: string): Route {
  const remembered = known.get(method + path);
  if (remembered !== undefined) return remembered;
  const route = findRoute(method, path.replace(/\/+$/, "") || "/");
  if (known.size < knownMax && route.to === "events") known.set(method + path, route);
  return route;
}

function findRoute(method: string, path: string): Route {
  if (method === "POST") {
    const one = single.exec(path);
    if (one !== null) return { to: "events", type: one[1] ?? shortNames[one[2] ?? ""] };
    if (many.test(path)) return { to: "events", type: undefined };
    const jitsuCall = jitsu.exec(path)?.[1];
    if (jitsuCall !== undefined) return { to: "events", type: new RegExp(`^(${calls})$`).test(jitsuCall) ? jitsuCall : undefined };
    if (/^\/(?:flags|decide)$/.test(path)) return { to: "flags" };
    return { to: "nothing" };
  }
  if (method !== "GET" && method !== "HEAD") return { to: "nothing" };
  if (path === "/healthz") return { to: "health" };
  if (path === "/metrics") return { to: "metrics" };
  if (/^\/sourceConfig$/i.test(path)) return { to: "source_config" };
  const pixelCall = pixel.exec(path)?.[1];
  if (pixelCall !== undefined) return { to: "pixel", type: shortNames[pixelCall] ?? pixelCall };
  const settingsKey = settings.exec(path)?.[1];
  if (settingsKey !== undefined) return { to: "settings", key: decoded(settingsKey) };
  const snippetKey = snippet.exec(path)?.[1];
  if (snippetKey !== undefined) return { to: "snippet", key: decoded(snippetKey) };
  return { to: "nothing" };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
