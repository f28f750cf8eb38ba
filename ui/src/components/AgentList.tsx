import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type AgentItem, agentKey, deleteSession, listSessions, whyNotReady } from "../api";

interface Props {
  agents?: AgentItem[];
  error: Error | null;
  selected?: string;
  session?: string;
  onOpen: (agent: string, session?: string) => void;
}

export function AgentList({ agents, error, selected, session, onOpen }: Props) {
  const [unfolded, setUnfolded] = useState(false);  // matters on small screens only
  return (
    <nav aria-label="Agents and sessions" className={unfolded ? "unfolded" : ""} onClick={(e) => (e.target as Element).closest("li, .new") && setUnfolded(false)}>
      <header className="brand">
        <img src="/icon.svg" alt="" width="26" height="26" />
        <span>Sightline</span>
        <button className="fold" aria-expanded={unfolded} onClick={() => setUnfolded(!unfolded)}>Agents</button>
      </header>
      {error && <p className="problem" role="alert">{error.message}</p>}
      <h2>Agents</h2>
      <ul className="agents">
        {agents?.map((a) => {
          const key = agentKey(a);
          return (
            <li key={key}>
              <button className={key === selected ? "selected" : ""} aria-current={key === selected} onClick={() => onOpen(key)} title={whyNotReady(a) ?? a.agent.spec.description}>
                <span className={`dot ${a.deploymentReady ? "ok" : "bad"}`} aria-label={a.deploymentReady ? "ready" : "not ready"} />
                <span className="name">{a.agent.metadata.name}</span>
                <span className="sub">{a.agent.metadata.namespace} · {a.model || "no model"}</span>
              </button>
            </li>
          );
        })}
      </ul>
      {selected && <Sessions agent={selected} current={session} onOpen={onOpen} />}
    </nav>
  );
}

function Sessions({ agent, current, onOpen }: { agent: string; current?: string; onOpen: Props["onOpen"] }) {
  const sessions = useQuery({ queryKey: ["sessions", agent], queryFn: () => listSessions(agent), refetchInterval: 5000 });
  const queries = useQueryClient();
  const [sure, setSure] = useState<string>();  // asked to be deleted once
  const [problem, setProblem] = useState<string>();
  const remove = async (id: string) => {
    if (sure !== id) return setSure(id);
    setSure(undefined);
    try {
      await deleteSession(id);
      setProblem(undefined);
      if (id === current) onOpen(agent);
    } catch (e) {
      setProblem(e instanceof Error ? e.message : String(e));
    }
    void queries.invalidateQueries({ queryKey: ["sessions", agent] });
  };
  return (
    <>
      <h2>Sessions</h2>
      <button className="new" onClick={() => onOpen(agent)}>+ New chat</button>
      {problem && <p className="problem" role="alert">{problem}</p>}
      <ul className="sessions">
        {sessions.data?.map((s) => (
          <li key={s.id}>
            <button className={s.id === current ? "selected" : ""} aria-current={s.id === current} onClick={() => onOpen(agent, s.id)}>
              <span className="name">{s.name || "untitled"}</span>
              <time className="sub" dateTime={s.updated_at}>{new Date(s.updated_at).toLocaleString()}</time>
            </button>
            <button className={`remove ${sure === s.id ? "sure" : ""}`} aria-label={`${sure === s.id ? "Really delete" : "Delete"} ${s.name || "untitled"}`} title="Delete this session"
              onClick={(e) => { e.stopPropagation(); void remove(s.id); }} onBlur={() => setSure(undefined)}>{sure === s.id ? "Delete" : "×"}</button>
          </li>
        ))}
      </ul>
    </>
  );
}
