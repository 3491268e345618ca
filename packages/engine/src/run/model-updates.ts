import type { CycleWindow } from "../base/cycle.js";
import { CambiumError } from "../base/errors.js";
import type { Instant } from "../base/instant.js";
import { type ModelOutcome, runModels } from "../model/run-models.js";
import { SeenCalls, segmentViews } from "../model/segment-views.js";
import type { Project } from "../project/project.js";
import { sql } from "../warehouse/sql.js";
import type { Connection } from "../warehouse/warehouse.js";

/** Looking whether views are current may take this share of the time; looking is put off where it takes long. */
const shareOfTimeMax = 0.02;

/** Keeps the schemas `models` and `segment` up to date between cycles; never within a cycle's transaction. */
export class ModelUpdates {
  #definitions = "";
  #lookedAt: Instant = 0;
  #waitMicros = 0;
  #behind = false;
  #told = new Map<string, string>();
  #calls = new SeenCalls();

  /** The last look was put off and its time has come: somebody should come back. */
  isDue(now: Instant): boolean {
    return this.#behind && now - this.#lookedAt >= this.#waitMicros;
  }

  /** Looks if it is time to, or when definitions changed, or when told to. Each new failure of a model is told once. */
  async update(
    connection: Connection,
    project: Project,
    now: Instant,
    options: { force?: boolean; onError?: (thrown: unknown) => void } = {},
  ): Promise<void> {
    const isDue = options.force === true || this.#definitions !== project.fingerprint || now - this.#lookedAt >= this.#waitMicros;
    this.#behind = !isDue;
    if (!isDue) return;
    const startedAt = performance.now();
    const loaded = await connection.first<{ to_load: number }>(
      sql`/* how far loading is */ SELECT coalesce(max(load_id), 0) AS to_load FROM ops.loads`,
    );
    const window: CycleWindow = { cycleId: 0, now, previousNow: this.#lookedAt, fromLoad: 0, toLoad: loaded?.to_load ?? 0 };
    await segmentViews(connection, window, this.#calls);
    const outcomes = await runModels(connection, project, window);
    this.#definitions = project.fingerprint;
    this.#lookedAt = now;
    this.#waitMicros = ((performance.now() - startedAt) * 1000) / shareOfTimeMax;
    for (const outcome of outcomes) this.#tell(outcome, options.onError);
  }

  #tell({ model, state, message }: ModelOutcome, onError: ((thrown: unknown) => void) | undefined): void {
    if (state !== "failed") {
      this.#told.delete(model);
      return;
    }
    if (this.#told.get(model) === message) return;
    this.#told.set(model, message ?? "");
    onError?.(new CambiumError("WAREHOUSE_FAILED", `The model ${model} cannot be built: ${message ?? ""}`));
  }
}
