import { communityTrack } from "./emit.js";
import { model } from "./model.js";
import type { Random } from "./random.js";
import { dayMs, hourMs, type User, type World } from "./world.js";

/** GitHub and Slack activity. People are known there by a login or a Slack id; the product learns later whose they are. */
const githubEvents = ["GitHub Starred", "GitHub Issue Opened", "GitHub Issue Commented", "GitHub Pull Request Opened"] as const;
const githubWeights = [40, 20, 30, 10];

export function communityDay(world: World): void {
  const { community } = model;
  for (const stranger of world.strangers) {
    if (stranger.random.chance(community.strangersDaily)) github(world, stranger.random, stranger.login);
  }
  for (const user of world.users) {
    if (user.churnedDay !== undefined) continue;
    const { random } = user.account;
    if (user.githubLogin !== undefined && random.chance(community.githubDaily)) github(world, random, user.githubLogin);
    if (user.slackId !== undefined && random.chance(community.slackDaily * user.weekday)) slack(world, random, user);
  }
}

function github(world: World, random: Random, login: string): void {
  const event = githubEvents[random.weighted(githubWeights)]!;
  const properties = {
    repository: "orchard/orchard",
    url: "https://github.example/orchard/orchard",
    action: event === "GitHub Starred" ? "starred" : "opened",
  };
  communityTrack(
    world,
    { service: "github", random, anonymousId: `github:${login}`, traits: { github_login: login } },
    sometime(world, random),
    event,
    properties,
  );
}

function slack(world: World, random: Random, user: User): void {
  const properties = {
    workspace: "orchard-community",
    channel: random.pick(["general", "help", "show-and-tell"]),
    length: random.between(8, 600),
  };
  const from = {
    service: "slack",
    random,
    anonymousId: `slack:${user.slackId}`,
    traits: { email: user.email, slack_id: user.slackId! },
  } as const;
  communityTrack(world, from, sometime(world, random), "Slack Message Posted", properties);
}

const sometime = (world: World, random: Random) => world.startMs + world.day * dayMs + random.between(0, dayMs - hourMs);
