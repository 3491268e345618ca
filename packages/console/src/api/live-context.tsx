import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, createContext, useContext, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { type EventsListener, Live, type LiveState } from "./live.js";

/** One stream for the whole console, opened with it and closed with it. */

const LiveContext = createContext<Live | null>(null);

export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [live, setLive] = useState<Live | null>(null);
  useEffect(() => {
    const opened = new Live(client);
    setLive(opened);
    return () => opened.close();
  }, [client]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

const never = (): (() => void) => () => undefined;

export function useLiveState(): LiveState {
  const live = useContext(LiveContext);
  return useSyncExternalStore(live?.subscribe ?? never, () => live?.state ?? "connecting");
}

/** Calls `listener` for new events while mounted; the newest listener is used without opening the stream again. */
export function useLiveEvents(listener: EventsListener): void {
  const live = useContext(LiveContext);
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  }, [listener]);
  useEffect(() => live?.onEvents((events, more) => newest.current(events, more)), [live]);
}
