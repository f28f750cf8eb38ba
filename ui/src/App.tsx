import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { agentKey, listAgents } from "./api";
import { AgentList } from "./components/AgentList";
import { Boundary } from "./components/Boundary";
import { Chat } from "./components/Chat";

// What is shown. `visit` counts the conversations opened: a new chat that is given its session keeps its number, so that
// the turn under way stays; going anywhere else starts afresh.
interface Place { agent?: string; session?: string; visit: number }

// The address says what is shown: /agents/NS/NAME/chat/SESSION.
function readPath(visit: number): Place {
  const [root, ns, name, , session] = location.pathname.split("/").filter(Boolean);
  return root === "agents" && ns && name ? { agent: `${ns}/${name}`, session, visit } : { visit };
}
const address = (agent: string, session?: string) => `/agents/${agent}/chat${session ? `/${session}` : ""}`;

export function App() {
  const [at, setAt] = useState(() => readPath(0));
  const agents = useQuery({ queryKey: ["agents"], queryFn: listAgents, refetchInterval: 5000 });
  useEffect(() => {
    // A step to another part of the same page changes nothing.
    const follow = () => setAt((before) => {
      const next = readPath(before.visit + 1);
      return next.agent === before.agent && next.session === before.session ? before : next;
    });
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);
  const go = (agent: string, session?: string) => {
    history.pushState(null, "", address(agent, session));
    setAt((before) => ({ agent, session, visit: before.visit + 1 }));
  };
  const named = (agent: string, session: string) => {
    history.replaceState(null, "", address(agent, session));
    setAt((before) => ({ ...before, agent, session }));
  };
  const first = agents.data?.find((a) => a.deploymentReady) ?? agents.data?.[0];
  const shown = at.agent ?? (first && agentKey(first));
  const item = agents.data?.find((a) => agentKey(a) === shown);
  return (
    <div className="app">
      <AgentList agents={agents.data} error={agents.error} selected={shown} session={at.session} onOpen={go} />
      <main>
        {item ? (
          <Boundary key={`${shown}#${at.visit}`}>
            <Chat agent={item} session={at.session} onSession={(s) => named(agentKey(item), s)} onOpen={go} />
          </Boundary>
        ) : (
          agents.data && <Nothing wanted={at.agent} />
        )}
      </main>
    </div>
  );
}

function Nothing({ wanted }: { wanted?: string }) {
  return (
    <div className="empty">
      {wanted ? <h1>There is no agent {wanted}</h1> : <h1>No agents yet</h1>}
      <p>Apply an <code>Agent</code> with <code>kubectl apply -f</code>, and it appears here.</p>
    </div>
  );
}
