import { Component, type ReactNode } from "react";
import { Panel } from "./panel.js";
import { Problem } from "./notes.js";

interface State {
  readonly error: unknown;
}

/** A page that breaks says so in its place; the navigation around it stays usable. */
export class RouteBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === null) return this.props.children;
    return (
      <Panel>
        <Problem error={this.state.error} what="This page" retry={() => this.setState({ error: null })} />
      </Panel>
    );
  }
}
