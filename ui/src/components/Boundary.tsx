import { Component, type ReactNode } from "react";

// Keeps what cannot be shown from taking the rest of the page along.
export class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  state: { error?: Error } = {};
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  // Something else to show is another try.
  componentDidUpdate(before: { children: ReactNode }) {
    if (this.state.error && before.children !== this.props.children) this.setState({ error: undefined });
  }
  render() {
    return this.state.error ? <p className="problem" role="alert">This cannot be shown: {this.state.error.message}</p> : this.props.children;
  }
}
