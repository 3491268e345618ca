import path from "node:path";
import { describe, expect, it } from "vitest";
import { loadProject } from "../../../packages/engine/src/project/load-project.js";

const load = (example: string) => loadProject(path.resolve(import.meta.dirname, "../..", example));

describe("the example projects", () => {
  it("orchard loads, and shows every trait type, score shape and kind of audience", async () => {
    const project = await load("orchard");
    expect(project.entities.map((entity) => entity.kind)).toEqual(["user", "workspace", "account"]);
    const types = new Set(project.traits.map((trait) => trait.type));
    const all =
      "count sum avg min max first last most_frequent unique_count unique_list days_active days_since first_seen last_seen profile sql formula rollup";
    expect([...types].sort()).toEqual(all.split(" ").sort());
    const shapes = new Set(
      project.scores.flatMap((score) =>
        score.components.flatMap((component) =>
          Object.keys(component).filter((key) => ["milestone", "linear", "log", "steps", "percentile"].includes(key)),
        ),
      ),
    );
    expect([...shapes].sort()).toEqual(["linear", "log", "milestone", "percentile", "steps"]);
    expect(project.audiences.some((audience) => (audience.holdout ?? 0) > 0)).toBe(true);
    expect(JSON.stringify(project.audiences)).toContain("sequence");
    expect(new Set(project.syncs.map((sync) => sync.mode))).toEqual(new Set(["upsert", "mirror", "add_remove", "append"]));
  });

  it.each(["user_activation", "workspace_activation", "account_activation"])("%s: half usage, half milestones", async (name) => {
    const score = (await load("orchard")).scores.find((candidate) => candidate.name === name);
    const weightOf = (group: string) =>
      score?.components.filter((component) => component.group === group).reduce((sum, component) => sum + component.weight, 0);
    expect([weightOf("usage"), weightOf("milestones")]).toEqual([50, 50]);
  });
});
