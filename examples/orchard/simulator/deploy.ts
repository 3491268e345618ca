import { serverIdentify, serverTrack, track, type Client } from "./emit.js";
import { model } from "./model.js";
import { openTicket } from "./tickets.js";
import { arrange, hourMs, type User, type Workspace, type World } from "./world.js";

/** A deployment: the product's core action. It uses minutes, may fail, and makes its user active for good. */
export function deploy(world: World, user: User, client: Client & { user: User }, workspace: Workspace, at: number): void {
  const { random } = user.account;
  const project = random.pick(workspace.projects);
  const deploymentId = `dpl_${random.hex(2)}`;
  const properties = {
    deployment_id: deploymentId,
    workspace_id: workspace.id,
    project,
    environment: random.chance(0.35) ? "production" : "preview",
    trigger: random.pick(["dashboard", "push", "cli"]),
  };
  if (properties.trigger === "dashboard") track(world, client, at, "Deployment Created", properties);
  else serverTrack(world, { service: "deployer", random, user, workspace }, at, "Deployment Created", properties);
  if (!workspace.connected) connect(world, user, client, workspace, at - 800);

  const minutes =
    Math.round(random.logNormal(model.deployments.minutesMedian * workspace.weight, model.deployments.minutesSigma) * 10) / 10;
  const failed = random.chance(model.deployments.failed);
  const ends = at + Math.round(minutes * 20_000);
  serverTrack(world, { service: "deployer", random, user, workspace }, ends, failed ? "Deployment Failed" : "Deployment Succeeded", {
    deployment_id: deploymentId,
    project,
    minutes,
    ...(failed ? { reason: random.pick(["build", "timeout", "health_check"]) } : {}),
  });
  count(world, user, workspace, minutes);
  user.failedRecently ||= failed;
  if (failed && random.chance(model.tickets.afterFailure)) openTicket(world, user, workspace, ends + 600_000, "deployment");
}

function count(world: World, user: User, workspace: Workspace, minutes: number): void {
  workspace.minutes[((world.day % 30) + 30) % 30]! += minutes;
  workspace.deployments += 1;
  user.deployments += 1;
  if (
    user.deployments === 1 &&
    user.githubLogin !== undefined &&
    !user.githubConnected &&
    user.account.random.chance(model.community.connectShare)
  ) {
    connectGithub(world, user);
  }
  if (user.before || world.day - user.joinDay >= model.activated.days) return;
  user.earlyDeployments += 1;
  if (user.earlyDeployments === 1) world.tally.experiment.converted(user);
  user.activated = user.earlyDeployments >= model.activated.deployments;
}

/** The first deployment of a workspace connects a repository. */
function connect(world: World, user: User, client: Client, workspace: Workspace, at: number): void {
  const { random } = user.account;
  workspace.connected = true;
  track(world, client, at, "Repository Connected", { workspace_id: workspace.id, provider: random.pick(["github", "github", "gitlab"]) });
}

/** Some days after their first deployment, many connect the GitHub login that the community already knows. */
function connectGithub(world: World, user: User): void {
  const { random } = user.account;
  const day = world.day + random.between(0, 25);
  arrange(world, day, () => {
    if (user.churnedDay !== undefined) return;
    user.githubConnected = true;
    serverIdentify(world, random, user, world.startMs + day * 24 * hourMs + random.between(8 * hourMs, 23 * hourMs));
  });
}
