import path from "node:path";
import { type SupervisedCollector, superviseCollector } from "../../collect/supervise.js";
import { statePaths } from "../../engine.js";
import type { Project } from "../../project/project.js";
import { distFile } from "./dist-file.js";
import { portTaken } from "./port-taken.js";

export interface CollectorProcessOptions {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** It ends with this process instead of accepting events for the next one. */
  readonly endsWithUs?: boolean | undefined;
  /** A segment is sealed this long after its first event. */
  readonly segmentAgeMaxMs?: number | undefined;
  readonly onSealed: () => void;
  readonly onEvent: (sentence: string) => void;
}

/** A project's collector in a process of its own, looked after. */
export async function startCollectorProcess(project: Project, options: CollectorProcessOptions): Promise<SupervisedCollector> {
  const paths = statePaths(project.dir);
  const { collector } = project.config;
  try {
    return await superviseCollector({
      entry: distFile("collect/main.js"),
      optionsFile: path.join(paths.state, "collector.json"),
      options: {
        spoolDir: paths.spool,
        sources: collectorSources(project),
        host: options.host ?? collector.host,
        port: options.port ?? collector.port,
        publicHost: collector.public_host,
        spoolBytesMax: collector.spool_bytes_max,
        eventsPerSecondMax: collector.rate_limit,
        segmentAgeMaxMs: options.segmentAgeMaxMs,
        ...(options.endsWithUs === true && { whenOrphaned: "exit" as const }),
      },
      onSealed: options.onSealed,
      onEvent: options.onEvent,
    });
  } catch (thrown) {
    throw portTaken(thrown, "collector") ?? thrown;
  }
}

export function collectorSources(project: Project) {
  return project.sources.filter((source) => source.enabled).map((source) => ({ name: source.name, writeKeys: source.write_keys }));
}
