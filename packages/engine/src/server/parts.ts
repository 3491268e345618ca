import type { EngineView } from "./engine-view.js";
import type { Metrics } from "./metrics.js";
import type { ReadModel } from "./read-model/read-model.js";
import type { Reads } from "./reads.js";
import type { Stream } from "./stream.js";

/** What every group of routes is built with. */
export interface ServerParts {
  readonly engine: EngineView;
  readonly reads: Reads;
  readonly stream: Stream;
  readonly model: ReadModel;
  readonly metrics: Metrics;
}
