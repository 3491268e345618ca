import {
  IconActivityHeartbeat,
  IconBuilding,
  IconChartHistogram,
  IconLayersIntersect,
  IconPlugConnected,
  IconRoute,
  IconStack2,
  IconTimeline,
  IconUser,
  IconUsersGroup,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { NavLink } from "react-router";
import { useProject } from "../api/queries.js";
import { entityListPath } from "../paths.js";
import style from "./shell.module.css";

/** The navigation follows the loop: what comes in, who it is about, what is decided, where it goes. */
export function Navigation({ onNavigate }: { onNavigate?: () => void }) {
  const { data: project } = useProject();
  const entities = project?.entities ?? [];
  return (
    <nav aria-label="Main" style={{ display: "contents" }}>
      <Group title="The loop">
        <Item to="/" end icon={<IconRoute size={18} stroke={1.6} />} label="Overview" onNavigate={onNavigate} />
        <Item to="/events" icon={<IconActivityHeartbeat size={18} stroke={1.6} />} label="Live events" onNavigate={onNavigate} />
        <Item to="/runs" icon={<IconTimeline size={18} stroke={1.6} />} label="Runs" onNavigate={onNavigate} />
      </Group>
      <Group title="Who">
        {entities.map((entity) => (
          <Item
            key={entity.kind}
            to={entityListPath(entity.kind)}
            icon={iconOf(entity.kind)}
            label={entity.kind === "user" && entity.plural === "Users" ? "People" : entity.plural}
            onNavigate={onNavigate}
          />
        ))}
      </Group>
      <Group title="Decisions">
        <Item to="/scores" icon={<IconChartHistogram size={18} stroke={1.6} />} label="Scores" onNavigate={onNavigate} />
        <Item to="/audiences" icon={<IconLayersIntersect size={18} stroke={1.6} />} label="Audiences" onNavigate={onNavigate} />
      </Group>
      <Group title="Activation">
        <Item to="/syncs" icon={<IconPlugConnected size={18} stroke={1.6} />} label="Syncs" onNavigate={onNavigate} />
      </Group>
    </nav>
  );
}

export function iconOf(kind: string, size = 18): ReactNode {
  if (kind === "user") return <IconUser size={size} stroke={1.6} />;
  if (kind === "workspace") return <IconUsersGroup size={size} stroke={1.6} />;
  if (kind === "account") return <IconBuilding size={size} stroke={1.6} />;
  return <IconStack2 size={size} stroke={1.6} />;
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={style["group"]} role="group" aria-label={title}>
      <div className={style["groupTitle"]} aria-hidden="true">
        {title}
      </div>
      {children}
    </div>
  );
}

function Item(props: { to: string; end?: boolean; icon: ReactNode; label: string; onNavigate: (() => void) | undefined }) {
  return (
    <NavLink className={style["link"] ?? ""} to={props.to} end={props.end ?? false} onClick={() => props.onNavigate?.()}>
      <span aria-hidden="true" style={{ display: "inline-flex" }}>
        {props.icon}
      </span>
      {props.label}
    </NavLink>
  );
}
