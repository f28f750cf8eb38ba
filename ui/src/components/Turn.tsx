import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import type { Message, Part, Task } from "../api";
import { Trail } from "./Trail";

export interface LiveTurn { asked: string; messages: Message[]; partial: string; state: string; error?: string; task?: string }

// One turn: what was asked, what the agent did and answered, and beside it the trail.
export function Turn({ task, live }: { task?: Task; live?: LiveTurn }) {
  const history = task?.history ?? [];
  const asked = live?.asked ?? history.filter((m) => m.role === "user").map((m) => m.parts.map((p) => p.text ?? "").join("")).join("\n");
  const said = live?.messages ?? history.filter((m) => m.role === "agent");
  const results = new Map<string, Part>();
  for (const m of said) for (const p of m.parts) if (p.metadata?.adk_type === "function_response") results.set(String(p.data?.id), p);
  const state = live?.state ?? task!.status.state;
  const words = live?.error ?? (state !== "completed" ? task?.status.message?.parts.map((p) => p.text ?? "").join("") : undefined);
  return (
    <article className="exchange-row">
      <div className="talk">
        <div className="user">{asked}</div>
        <div className="agent">
          {said.flatMap((m) => m.parts.map((p, i) => <PartView key={`${m.messageId}-${i}`} part={p} results={results} />))}
          {live?.partial && <Markdown remarkPlugins={[remarkGfm]}>{live.partial}</Markdown>}
          {live && !live.partial && (state === "working" || state === "submitted") && <span className="working" role="status">working</span>}
          {words && <p className={state === "input-required" ? "question" : "problem"} role={state === "failed" ? "alert" : undefined}>{words}</p>}
          {state === "canceled" && <p className="sub">stopped</p>}
        </div>
      </div>
      <Trail turn={live?.task ?? task?.id} running={!!live} />
    </article>
  );
}

function PartView({ part, results }: { part: Part; results: Map<string, Part> }) {
  if (part.metadata?.adk_type === "function_response") return null;
  if (part.metadata?.adk_type === "function_call") {
    const call = part.data as { id?: string; name?: string; args?: unknown };
    if (call.name === "adk_request_confirmation") return null;
    const response = results.get(String(call.id))?.data?.response as { result?: string } | undefined;
    return (
      <details className="tool">
        <summary><span className={`dot ${response ? "ok" : "busy"}`} />tool <b>{call.name}</b></summary>
        <pre>{JSON.stringify(call.args, null, 2)}</pre>
        {response && <pre>{response.result}</pre>}
      </details>
    );
  }
  return part.text ? <Markdown remarkPlugins={[remarkGfm]}>{part.text}</Markdown> : null;
}
