import { Tabs } from "@mantine/core";
import { useSearchParams } from "react-router";
import { PageHeader } from "../../parts/page-header.js";
import { EventDrawer } from "./event-drawer.js";
import { EventStream } from "./event-stream.js";
import { QuarantineList } from "./quarantine-list.js";

/** What arrives, as it arrives; and what could not be taken, with the reason. */
export function EventsPage() {
  const [search, setSearch] = useSearchParams();
  const tab = search.get("tab") === "quarantine" ? "quarantine" : "stream";
  const message = search.get("message");
  const change = (edit: (next: URLSearchParams) => void): void => {
    setSearch(
      (previous) => {
        const next = new URLSearchParams(previous);
        edit(next);
        return next;
      },
      { replace: true },
    );
  };
  return (
    <>
      <PageHeader title="Live events" lead={<p>Every event as the warehouse stored it, newest first.</p>} />
      <Tabs
        value={tab}
        onChange={(value) => change((next) => (value === "quarantine" ? next.set("tab", "quarantine") : next.delete("tab")))}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="stream">Stream</Tabs.Tab>
          <Tabs.Tab value="quarantine">Quarantine</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="stream">
          <EventStream onOpen={(messageId) => change((next) => next.set("message", messageId))} />
        </Tabs.Panel>
        <Tabs.Panel value="quarantine">
          <QuarantineList />
        </Tabs.Panel>
      </Tabs>
      <EventDrawer messageId={message} onClose={() => change((next) => next.delete("message"))} />
    </>
  );
}
