import { openApis } from "../../../../examples/receiver/apis/apis.js";
import { type Answer, localServer, type SeenRequest } from "./server.js";

/** The simulated outside tools behind one local server; `fault` may answer in their place. */
export async function toolServer() {
  let apis = openApis();
  let fault: (request: SeenRequest, index: number) => Answer | undefined = () => undefined;
  const answer = (request: SeenRequest, index: number): Answer => {
    const planned = fault(request, index);
    if (planned !== undefined) return planned;
    const api = apis.find(request.host);
    if (api === undefined) return anySuccess;
    return api.answer({ method: request.method, path: request.path, headers: request.headers, text: request.text });
  };
  const server = await localServer(answer);
  return {
    ...server,
    /** Empty tools, no faults. */
    fresh(next: typeof fault = () => undefined) {
      apis = openApis();
      fault = next;
      server.respond(answer);
    },
    records: (name: string) => apis.all[name]?.records() ?? {},
  };
}

/** What an API that nobody plays says to everything: a success with the members that callers commonly read. */
const anySuccess: Answer = {
  body: {
    id: "1",
    ok: true,
    success: true,
    status: "success",
    code: "Success",
    message: "OK",
    data: [],
    results: [],
    items: [],
    errors: [],
    access_token: "t",
  },
};

export type ToolServer = Awaited<ReturnType<typeof toolServer>>;
