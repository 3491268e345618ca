import { Tooltip } from "@mantine/core";
import { useLiveState } from "../api/live-context.js";
import style from "./shell.module.css";

const words = {
  connecting: { label: "Connecting", why: "Opening the engine's stream of changes." },
  live: { label: "Live", why: "Changes appear here as the engine makes them." },
  disconnected: { label: "Disconnected", why: "The engine's stream is down; trying again. What you see may be old." },
} as const;

export function LiveBadge() {
  const state = useLiveState();
  return (
    <Tooltip label={words[state].why} multiline maw={240}>
      <span className={style["live"]} data-state={state} role="status" tabIndex={0}>
        <span className={style["dot"]} aria-hidden="true" />
        {words[state].label}
      </span>
    </Tooltip>
  );
}
