import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { agentKey, listAgents } from "./api";
import { AgentList } from "./components/AgentList";
import { Chat } from "./components/Chat";

// The address says what is shown: /agents/NS/NAME/chat/SESSION.
function readPath(): { agent?: string; session?: string } {
  const [root, ns, name, , session] = location.pathname.split("/").filter(Boolean);
  return root === "agents" && ns && name ? { agent: `${ns}/${name}`, session } : {};
}

export function App() {
  const [at, setAt] = useState(readPath);
  const agents = useQuery({ queryKey: ["agents"], queryFn: listAgents, refetchInterval: 5000 });
  useEffect(() => {
    const follow = () => setAt(readPath());
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);
  const go = (agent: string, session?: string) => {
    history.pushState(null, "", `/agents/${agent}/chat${session ? `/${session}` : ""}`);
    setAt({ agent, session });
  };
  const shown = at.agent ?? (agents.data?.[0] ? agentKey(agents.data[0]) : undefined);
  const item = agents.data?.find((a) => agentKey(a) === shown);
  return (
    <div className="app">
      <AgentList agents={agents.data} error={agents.error} selected={shown} session={at.session} onOpen={go} />
      <main>
        {shown && item ? (
          <Chat key={shown} agent={item} session={at.session} onSession={(s) => go(shown, s)} />
        ) : (
          <div className="empty">
            <h1>No agents yet</h1>
            <p>Apply an <code>Agent</code> with <code>kubectl apply -f</code>, and it appears here.</p>
          </div>
        )}
      </main>
    </div>
  );
}
