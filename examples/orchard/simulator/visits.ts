import { createAccount, createDevice, pickZone } from "./create.js";
import { leaveEmail, page, track, type Client } from "./emit.js";
import { channelNames, model, type Channel, type ChannelName } from "./model.js";
import { mailName, personName } from "./names.js";
import { random as stream, type Random } from "./random.js";
import { signUp } from "./sign-up.js";
import { momentOf } from "./time.js";
import { arrange, type Account, type Device, type Timezone, type World } from "./world.js";

/** Anonymous visitors of the website: most leave, some sign up, at once or days later, on this device or another one. */
const landing = {
  organic: ["/docs/quickstart", "/docs/deployments", "/blog/zero-downtime", "/docs/secrets", "/"],
  direct: ["/", "/pricing", "/docs/quickstart"],
  referral: ["/blog/faster-builds", "/"],
  ship_faster: ["/ship-faster", "/ship-faster", "/pricing"],
  world_tour: ["/world-tour", "/world-tour", "/"],
} as const satisfies Record<ChannelName, readonly string[]>;
const onward = [
  "/pricing",
  "/docs/quickstart",
  "/docs/deployments",
  "/docs/environments",
  "/docs/cli",
  "/blog/faster-builds",
  "/customers",
  "/docs/secrets",
  "/changelog",
];

export function visitors(world: World): void {
  const random = stream(world.seed, world.epoch, "visits", world.day);
  for (const channel of channelNames) {
    const definition: Channel = model.channels[channel];
    const runs = definition.from === undefined || (world.day >= definition.from * world.days && world.day < definition.to! * world.days);
    if (!runs) continue;
    const many = random.poisson(definition.visitors * world.scale);
    for (let visitor = 0; visitor < many; visitor += 1) visit(world, random, channel, definition);
  }
}

function visit(world: World, random: Random, channel: ChannelName, definition: Channel): void {
  const zone = pickZone(random);
  const signsUp = random.chance(definition.signUp);
  const phoneFirst = random.chance(signsUp ? model.visits.newsletterShare : 0.3);
  const device = createDevice(random, phoneFirst ? "phone" : "laptop");
  const at = momentOf(world, random, world.day, zone);
  const left = browse(world, { random, device, zone, channel: definition }, at, landing[channel]);
  world.tally.visitor(channel, device.anonymousId, signsUp);
  if (signsUp) arrangeSignUp(world, random, { channel, definition, zone, device, phoneFirst, at: left });
  else if (random.chance(model.visits.newsletterOnlyShare)) {
    const { first, last } = personName(random);
    leaveEmail(
      world,
      { random, device, zone },
      left + 3_000,
      `${mailName(first, last, world.mailNames)}@mail-${random.between(1, 9)}.example`,
    );
  } else if (random.chance(0.2)) {
    const later = world.day + random.between(1, 20);
    arrange(world, later, () => browse(world, { random, device, zone }, momentOf(world, random, later, zone), landing.direct));
  }
}

interface Coming {
  channel: ChannelName;
  definition: Channel;
  zone: Timezone;
  device: Device;
  phoneFirst: boolean;
  at: number;
}

function arrangeSignUp(world: World, random: Random, coming: Coming): void {
  const { channel, definition, zone, device, phoneFirst, at } = coming;
  const account: Account = createAccount(world, channel, false, zone, definition.quality);
  const name = personName(account.random);
  if (phoneFirst) {
    // Found on the phone, signed up on a laptop: only the e-mail address left here connects the two.
    const laptop = createDevice(account.random, "laptop");
    const day = world.day + account.random.between(0, 3);
    const sameDay = day === world.day;
    const starts = (): number =>
      sameDay ? at + 120_000 + account.random.exponential(1_800_000) : momentOf(world, account.random, day, zone);
    arrange(world, day, () => {
      const ready = browse(world, { random: account.random, device: laptop, zone }, starts(), landing.direct);
      signUp(world, { account, name, devices: [laptop, device], newsletterOn: device }, ready + 5_000);
    });
    return;
  }
  if (!random.chance(model.visits.laterShare)) {
    signUp(world, { account, name, devices: [device] }, at + 8_000);
    return;
  }
  const day = world.day + random.between(1, model.visits.delayDaysMax);
  arrange(world, day, () => {
    const ready = browse(world, { random: account.random, device, zone }, momentOf(world, account.random, day, zone), landing.direct);
    signUp(world, { account, name, devices: [device] }, ready + 8_000);
  });
}

/** A few pages; the campaign stands on the first one only. Returns when the visitor stops reading. */
export function browse(world: World, client: Client, start: number, firstPages: readonly string[]): number {
  const { random, channel } = client;
  let at = start;
  const first = random.pick(firstPages);
  page(world, client, at, titleOf(first), first, channel?.source === undefined ? "" : `https://${channel.source}/`);
  const more = random.poisson(model.visits.pagesMean);
  const rest: Client = { ...client, channel: undefined };
  for (let count = 0; count < more; count += 1) {
    at += 4_000 + Math.floor(random.exponential(45_000));
    const path = random.pick(onward);
    page(world, rest, at, titleOf(path), path);
    if (path.startsWith("/docs/") && random.chance(0.15))
      track(world, rest, at + 2_500, "Docs Searched", { query: path.slice(6), results: random.between(0, 24) });
  }
  return at;
}

const titleOf = (path: string): string => {
  const last = path.split("/").at(-1)!;
  return last === "" ? "Home" : last.charAt(0).toUpperCase() + last.slice(1).replaceAll("-", " ");
};
