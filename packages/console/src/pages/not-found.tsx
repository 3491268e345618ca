import { Link } from "react-router";
import { Empty } from "../parts/notes.js";
import { PageHeader } from "../parts/page-header.js";
import { Panel } from "../parts/panel.js";

export function NotFound() {
  return (
    <>
      <PageHeader title="No such page" />
      <Panel>
        <Empty title="Nothing grows at this address" action={<Link to="/">Go to the overview</Link>}>
          The address may have a typing mistake, or what it named has been renamed in the project.
        </Empty>
      </Panel>
    </>
  );
}
