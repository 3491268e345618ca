import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type {
  AudienceDetail,
  AudienceList,
  DryRun,
  EntitiesPage,
  EntitiesRequest,
  EventsPage,
  EventsRequest,
  ExplainRequest,
  Explanation,
  Overview,
  Profile,
  ProjectView,
  QuarantinePage,
  Runs,
  ScoreDetail,
  ScoreList,
  SyncDetail,
  SyncList,
  SyncRequest,
  SyncRunResult,
  Timeline,
} from "../../../engine/src/server/contract.js";
import { get, post, segment } from "./client.js";

/**
 * One hook per answer of the contract. Keys start with the kind of thing, which is what live.ts invalidates by; the
 * previous answer stays on the screen while a new one is on its way.
 */

export function useOverview() {
  return useQuery({ queryKey: ["overview"], queryFn: ({ signal }) => get<Overview>("/api/overview", {}, signal) });
}

export function useProject() {
  return useQuery({
    queryKey: ["project"],
    queryFn: ({ signal }) => get<ProjectView>("/api/project", {}, signal),
    staleTime: 60_000,
  });
}

export function useEvents(request: EventsRequest, enabled = true) {
  return useQuery({
    queryKey: ["events", request],
    queryFn: ({ signal }) => get<EventsPage>("/api/events", request, signal),
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useEvent(messageId: string | null) {
  return useQuery({
    queryKey: ["event", messageId],
    queryFn: ({ signal }) => get<EventsPage>("/api/events", { messageId: messageId ?? "", limit: 1 }, signal),
    enabled: messageId !== null,
    staleTime: Infinity,
  });
}

export function useQuarantine(reason: string | undefined) {
  return useInfiniteQuery({
    queryKey: ["quarantine", reason],
    queryFn: ({ pageParam, signal }) => get<QuarantinePage>("/api/quarantine", { reason, before: pageParam, limit: 50 }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function useEntities(kind: string, request: EntitiesRequest) {
  return useQuery({
    queryKey: ["entities", kind, request],
    queryFn: ({ signal }) => get<EntitiesPage>(`/api/entities/${segment(kind)}`, request, signal),
    placeholderData: (previous) => (previous?.kind === kind ? previous : undefined),
  });
}

export function useProfile(kind: string, key: string) {
  return useQuery({
    queryKey: ["profile", kind, key],
    queryFn: ({ signal }) => get<Profile>(`/api/entities/${segment(kind)}/${segment(key)}`, {}, signal),
  });
}

export function useTimeline(kind: string, key: string, first: Timeline) {
  return useInfiniteQuery({
    queryKey: ["timeline", kind, key],
    queryFn: ({ pageParam, signal }) =>
      get<Timeline>(`/api/entities/${segment(kind)}/${segment(key)}/timeline`, { before: pageParam, limit: 50 }, signal),
    initialPageParam: first.next ?? undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    enabled: false,
  });
}

export function useExplanation(kind: string, key: string, request: ExplainRequest, enabled = true) {
  return useQuery({
    queryKey: ["explain", kind, key, request],
    queryFn: ({ signal }) => get<Explanation>(`/api/entities/${segment(kind)}/${segment(key)}/explain`, request, signal),
    enabled,
    retry: false,
  });
}

export function useScores() {
  return useQuery({ queryKey: ["scores"], queryFn: ({ signal }) => get<ScoreList>("/api/scores", {}, signal) });
}

export function useScore(name: string) {
  return useQuery({ queryKey: ["score", name], queryFn: ({ signal }) => get<ScoreDetail>(`/api/scores/${segment(name)}`, {}, signal) });
}

export function useAudiences() {
  return useQuery({ queryKey: ["audiences"], queryFn: ({ signal }) => get<AudienceList>("/api/audiences", {}, signal) });
}

export function useAudience(name: string, request: { q?: string; page?: number }) {
  return useQuery({
    queryKey: ["audience", name, request],
    queryFn: ({ signal }) => get<AudienceDetail>(`/api/audiences/${segment(name)}`, request, signal),
    placeholderData: (previous) => (previous?.name === name ? previous : undefined),
  });
}

export function useSyncs() {
  return useQuery({ queryKey: ["syncs"], queryFn: ({ signal }) => get<SyncList>("/api/syncs", {}, signal) });
}

export function useSync(name: string, request: SyncRequest) {
  return useQuery({
    queryKey: ["sync", name, request],
    queryFn: ({ signal }) => get<SyncDetail>(`/api/syncs/${segment(name)}`, request, signal),
    placeholderData: (previous) => (previous?.name === name ? previous : undefined),
  });
}

export function useDryRun(name: string) {
  return useMutation({ mutationFn: () => post<DryRun>(`/api/syncs/${segment(name)}/dry-run`) });
}

/** `run` starts it now; `confirm` lets a guarded run through. */
export function useStartSync(name: string, how: "run" | "confirm") {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => post<SyncRunResult>(`/api/syncs/${segment(name)}/${how}`),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: ["sync", name] });
      await client.invalidateQueries({ queryKey: ["syncs"] });
    },
  });
}

export function useRuns() {
  return useQuery({ queryKey: ["runs"], queryFn: ({ signal }) => get<Runs>("/api/runs", {}, signal) });
}
