import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { cancel, resubscribe, send, type TaskEvent } from "../a2a";
import { type AgentItem, agentKey, listTasks, type Message, type Task } from "../api";
import { Composer } from "./Composer";
import { Turn } from "./Turn";

interface Props { agent: AgentItem; session?: string; onSession: (session: string) => void }

// The turn under way: what has arrived so far.
interface Live { asked: string; task?: string; messages: Message[]; partial: string; partialId?: string; state: string; error?: string }

function take(live: Live, event: TaskEvent): Live {
  if (event.kind === "task") return { ...live, task: event.id, state: event.status.state };
  if (event.kind !== "status-update") return live;
  const message = event.status.message;
  const next = { ...live, state: event.status.state };
  if (!message || message.role === "user") return next;
  const text = message.parts.map((p) => p.text ?? "").join("");
  if (event.metadata?.adk_partial) {
    // A new message id is a new model call: the one before is already in messages.
    const same = live.partialId === message.messageId;
    return { ...next, partial: (same ? live.partial : "") + text, partialId: message.messageId };
  }
  if (event.final) return { ...next, error: next.state === "failed" ? text : undefined, messages: next.state === "input-required" ? [...live.messages, message] : live.messages };
  return { ...next, messages: [...live.messages, message], partial: "", partialId: undefined };
}

export function Chat({ agent, session, onSession }: Props) {
  const key = agentKey(agent);
  const queries = useQueryClient();
  const tasks = useQuery({ queryKey: ["tasks", session], queryFn: () => listTasks(session!), enabled: !!session });
  const [live, setLive] = useState<Live | null>(null);
  const end = useRef<HTMLDivElement>(null);
  const following = useRef<string | undefined>(undefined);

  const follow = async (stream: AsyncGenerator<TaskEvent>, start: Live) => {
    setLive(start);
    let context: string | undefined;
    let current = start;
    try {
      for await (const event of stream) {
        if ("contextId" in event) context = event.contextId;
        current = take(current, event);
        following.current = current.task;
        setLive(current);
      }
    } catch (e) {
      current = { ...current, state: "failed", error: e instanceof Error ? e.message : String(e) };
      setLive(current);
      if (!current.task) return;
    }
    if (context) {
      await queries.invalidateQueries({ queryKey: ["tasks", context] });
      await queries.prefetchQuery({ queryKey: ["tasks", context], queryFn: () => listTasks(context!) });
      if (context !== session) onSession(context);
    }
    void queries.invalidateQueries({ queryKey: ["sessions", key] });
    setLive(null);
    following.current = undefined;
  };

  // A task that was under way when the page was opened is followed to its end.
  const running = tasks.data?.find((t) => t.status.state === "working" || t.status.state === "submitted");
  useEffect(() => {
    if (!running || live || following.current === running.id) return;
    following.current = running.id;
    const asked = running.history?.find((m) => m.role === "user")?.parts.map((p) => p.text ?? "").join("") ?? "";
    void follow(resubscribe(key, running.id), { asked, task: running.id, messages: running.history?.filter((m) => m.role === "agent") ?? [], partial: "", state: "working" });
  });
  useEffect(() => {
    end.current?.scrollIntoView({ block: "end" });
  }, [live, tasks.data]);

  const waiting = tasks.data?.find((t) => t.status.state === "input-required");
  const ask = (text: string) => void follow(send(key, text, session, waiting?.id), { asked: text, messages: [], partial: "", state: "submitted" });
  const done = (tasks.data ?? []).filter((t: Task) => t.id !== live?.task);
  return (
    <section className="chat">
      <header className="bar">
        <h1>{agent.agent.metadata.name}</h1>
        <span className="sub">{agent.model} by {agent.modelConfigRef}</span>
      </header>
      <div className="turns" aria-live="polite">
        {!session && !live && (
          <div className="empty">
            <p>{agent.agent.spec.description ?? "Ask this agent something."}</p>
            <button className="suggest" onClick={() => ask("What can you do?")}>What can you do?</button>
          </div>
        )}
        {done.map((t) => <Turn key={t.id} task={t} />)}
        {live && <Turn live={{ asked: live.asked, messages: live.messages, partial: live.partial, state: live.state, error: live.error, task: live.task }} />}
        <div ref={end} />
      </div>
      <Composer
        busy={!!live && live.state !== "failed"}
        placeholder={waiting ? "Your answer to the agent's question" : `Ask ${agent.agent.metadata.name}`}
        disabled={!agent.deploymentReady}
        onSend={ask}
        onStop={() => live?.task && void cancel(key, live.task)}
      />
    </section>
  );
}
