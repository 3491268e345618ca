import { serverTrack } from "./emit.js";
import { model } from "./model.js";
import { arrange, dayOf, hourMs, type User, type Workspace, type World } from "./world.js";

/** Support: tickets are opened by people and resolved by the team, a few never. */
const subjects = ["billing", "deployment", "domains", "permissions", "performance"] as const;

export function openTicket(world: World, user: User, workspace: Workspace, at: number, category?: string): void {
  const { random } = user.account;
  const ticketId = `tkt_${random.hex(1)}`;
  const from = { service: "support", random, user, workspace } as const;
  user.openTickets += 1;
  serverTrack(world, from, at, "Ticket Opened", {
    ticket_id: ticketId,
    category: category ?? random.pick(subjects),
    priority: random.pick(["low", "normal", "normal", "high"]),
  });
  if (random.chance(model.tickets.unresolved)) return;
  const hours = 0.3 + random.exponential(model.tickets.hoursMean);
  const resolved = at + Math.floor(hours * hourMs);
  arrange(world, Math.max(world.day, dayOf(world, resolved)), () => {
    user.openTickets -= 1;
    const csat = random.chance(0.4) ? random.pick([5, 5, 4, 4, 3, 1]) : null;
    serverTrack(world, from, resolved, "Ticket Resolved", {
      ticket_id: ticketId,
      hours: Math.round(hours * 10) / 10,
      ...(csat === null ? {} : { csat }),
    });
  });
}
