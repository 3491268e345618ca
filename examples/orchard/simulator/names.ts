import type { Random } from "./random.js";

/** Invented people, companies and things. Any likeness is chance; all addresses end in the reserved `.example`. */
const firstNames = (
  "Ada Aiko Alba Amara Anders Anouk Arjun Astrid Aylin Bao Beatriz Bela Boris Bruna Carlo Celine Chidi Clara Dalia Dario Delphine Diego " +
  "Ebba Eino Elif Emeka Emil Enzo Esther Farah Felix Fiona Freya Gael Giulia Hana Hassan Hedda Henrik Ida Ilse Imani Ines Ivan Jae Jana " +
  "Jonas Jun Kaia Kamal Katya Kenji Kofi Lars Leila Leon Lina Lucia Maja Malik Marek Mei Mila Mira Nadia Nils Noor Olga Omar Otto Paula " +
  "Petra Priya Quinn Rafael Ravi Rosa Ruben Sana Selma Sofia Soren Tara Tariq Thea Tomas Uma Vera Viktor Wanda Yara Yusuf Zara Zeno"
).split(" ");
const lastNames = (
  "Abara Achterberg Adeyomi Almquist Ardelean Baptista Barlowe Bergquist Bianchetti Brandvold Cardenal Castellow Chaudhry Corvino Dahlberg " +
  "Delacroy Demirel Dovalen Eklund Elmsworth Fairbairne Farrokh Fontaneau Gallardo Gerritz Grandin Hakimi Halvorsen Harrowell Hashida " +
  "Iglesia Ivarsson Jankovic Jorundur Kaplinski Karlowe Kimathi Kowalewicz Lindqvist Lombardero Maalouf Makinde Marchetti Moravec " +
  "Nakahara Nordholm Novotna Okonjo Olufemi Ostrander Palermino Pettersen Quintero Rasheed Ravensby Rosendahl Sabatier Sandoval Silvanto " +
  "Sorokin Takahiro Tamblyn Thorvald Tessari Ulrichsen Vanterpool Varga Velasquo Wakefern Westergren Yamashiro Yilmazer Zielinska Zubiri"
).split(" ");
const companyStarts = (
  "Acorn Amber Arbor Basalt Beacon Birch Bolt Bright Cedar Cinder Clear Cobalt Copper Coral Delta Drift Echo Ember Fable Fern Flint Frost " +
  "Gale Glass Granite Harbor Hazel Hollow Indigo Iron Ivory Juniper Kelp Lantern Larch Lumen Maple Marble Meadow Mesa Moss North Nova Oak " +
  "Onyx Opal Orbit Otter Pebble Pine Prism Quartz Quill Raven Reed River Saffron Sage Salt Sierra Slate Spruce Stone Summit Tide Timber " +
  "Topaz Umber Velvet Vista Willow Wren Zephyr"
).split(" ");
const companyEnds = "works ware loop forge metrics labs stack grid line field path base cast mint wave bridge point shift yard flow".split(
  " ",
);
export const industries = ["software", "fintech", "health", "commerce", "media", "education", "logistics", "energy", "games"] as const;
const titles = {
  developer: ["Software Engineer", "Senior Engineer", "Platform Engineer", "Site Reliability Engineer", "Staff Engineer"],
  lead: ["Engineering Manager", "Head of Platform", "Director of Engineering", "CTO"],
  business: ["Product Manager", "Data Analyst", "Finance Manager", "Operations Lead"],
} as const;
const projectWords = (
  "atlas billing catalog checkout console courier dashboard docs edge etl feed gateway graph identity ingest insights jobs ledger mailer " +
  "metrics mobile notify orders portal pricing queue reports search sessions shop site studio sync tracker wallet web webhooks worker"
).split(" ");

export type Role = keyof typeof titles;

export const personName = (random: Random) => ({ first: random.pick(firstNames), last: random.pick(lastNames) });

export const titleOf = (random: Random, role: Role): string => random.pick(titles[role]);

/** `Cedarworks`, `cedarworks-47.example`: the number keeps domains apart. */
export function companyName(random: Random, number: number): { name: string; domain: string } {
  const name = random.pick(companyStarts) + random.pick(companyEnds);
  return { name, domain: `${name.toLowerCase()}-${number}.example` };
}

export const projectName = (random: Random) => `${random.pick(projectWords)}-${random.pick(["api", "app", "service", "web", "jobs"])}`;

/** Names like `priya.varga`, made unique by `taken`. */
export function mailName(first: string, last: string, taken: Set<string>): string {
  const plain = `${first}.${last}`.toLowerCase();
  let name = plain;
  for (let number = 2; taken.has(name); number += 1) name = `${plain}${number}`;
  taken.add(name);
  return name;
}
