import { model } from "./model.js";
import type { Random } from "./random.js";
import { atLocalHour, dayMs, type Timezone, type World } from "./world.js";

/** A moment of a day at which somebody in a zone is likely to be at the computer. */
export function momentOf(world: World, random: Random, day: number, zone: Timezone): number {
  return atLocalHour(world, day, zone, random.weighted(model.hours) + random.next());
}

/** A moment not before `earliest`, still within the day; a moment past the day's end moves to its last minutes. */
export function notBefore(world: World, random: Random, day: number, zone: Timezone, earliest: number): number {
  const at = momentOf(world, random, day, zone);
  if (at >= earliest) return at;
  const end = world.startMs + (day + 1) * dayMs;
  return earliest + Math.floor(random.next() * Math.max(1_000, end - earliest) * 0.5);
}
