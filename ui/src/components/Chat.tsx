import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { cancel, resubscribe, send, type TaskEvent } from "../a2a";
import { type AgentItem, agentKey, listSessions, listTasks, type Message, textOf, type Task, whyNotReady } from "../api";
import { Boundary } from "./Boundary";
import { Composer } from "./Composer";
import { askedBy } from "./Question";
import { Turn } from "./Turn";

// One conversation. App mounts a new one for every conversation opened, so nothing here outlives it.
interface Props { agent: AgentItem; session?: string; onSession: (session: string) => void; onOpen: (agent: string, session?: string) => void }

// The turn under way: what has arrived so far.
interface Live { asked: string; text?: string; task?: string; messages: Message[]; partial: string; partialId?: string; state: string; error?: string }

function take(live: Live, event: TaskEvent): Live {
  if (event.kind === "task") return { ...live, task: event.id, state: event.status.state };
  if (event.kind !== "status-update") return live;
  const message = event.status.message;
  const next = { ...live, state: event.status.state };
  if (!message || message.role === "user") return next;
  if (event.metadata?.adk_partial) {
    // A new message id is a new model call: the one before is already in messages.
    const same = live.partialId === message.messageId;
    return { ...next, partial: (same ? live.partial : "") + textOf(message), partialId: message.messageId };
  }
  if (event.final) return next.state === "failed" ? { ...next, error: textOf(message) } : next;
  return { ...next, messages: [...live.messages, message], partial: "", partialId: undefined };
}

// What fetch and a cut stream throw when the server is away.
const away = (error: unknown) => error instanceof TypeError;
const words = (m: Message) => textOf(m) || m.parts.map((p) => (p.data ? JSON.stringify(p.data) : "")).join("\n");
const asked = (task?: Task) => (task?.history ?? []).filter((m) => m.role === "user").map(words).join("\n");
const by = (task?: Task) => (task?.history ?? []).map((m) => m.metadata?.initiated_by).find((who) => typeof who === "string") as string | undefined;
const said = (task?: Task) => (task?.history ?? []).filter((m) => m.role === "agent");

// The answer to the agent's question, in the shape in which it will be stored.
function answerTo(task: Task, text: string, answers?: string[][]): Message[] {
  const calls = said(task).flatMap((m) => m.parts).filter((p) => p.metadata?.adk_type === "function_call" && p.data?.name === "ask_user");
  let next = 0;
  const mine = (p: (typeof calls)[number]) => JSON.stringify(askedBy(p.data?.args).map(() => ({ answer: answers![next++] })));
  return calls.map((p) => ({ messageId: `answer-${String(p.data?.id)}`, role: "agent", parts: [
    { kind: "data", data: { id: p.data?.id, name: "ask_user", response: { result: answers ? mine(p) : text } }, metadata: { adk_type: "function_response" } }] }));
}

export function Chat({ agent, session, onSession, onOpen }: Props) {
  const key = agentKey(agent);
  const queries = useQueryClient();
  // When the server went away: until it is back the session is asked for again and again.
  const [lostAt, setLostAt] = useState(0);
  const tasks = useQuery({ queryKey: ["tasks", session], queryFn: () => listTasks(session!), enabled: !!session, retry: false, refetchInterval: (query) => (lostAt || away(query.state.error) ? 2000 : false) });
  const [draft, setDraft] = useState("");
  const [notice, setNotice] = useState("");  // why the last message was not taken; it is in the composer again
  const [live, setLive] = useState<Live | null>(null);
  const end = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);  // whoever has scrolled up to read stays there
  const following = useRef(false);
  const left = useRef<AbortController>(null);
  useEffect(() => {
    const controller = new AbortController();
    left.current = controller;
    return () => controller.abort();
  }, []);

  const follow = async (open: (signal: AbortSignal) => AsyncGenerator<TaskEvent>, start: Live) => {
    const signal = left.current!.signal;
    following.current = true;
    setLive(start);
    let context = session;
    let current = start;
    let taken = false;
    try {
      for await (const event of open(signal)) {
        if (signal.aborted) return;
        taken = true;
        if ("contextId" in event && event.contextId !== context) onSession((context = event.contextId));
        current = take(current, event);
        setLive(current);
      }
    } catch (e) {
      if (signal.aborted) return;
      const lost = away(e);
      following.current = false;
      if (lost && context) setLostAt(Date.now());
      if (!taken && start.text !== undefined) return refused(start.text, lost ? "Sightline does not answer: this message may not have arrived." : String(e instanceof Error ? e.message : e), context);
      current = { ...current, state: "failed", error: lost ? "Sightline does not answer; trying again." : e instanceof Error ? e.message : String(e) };
      setLive(current);
      if (!current.task) return;
    }
    try {
      await queries.fetchQuery({ queryKey: ["tasks", context], queryFn: () => listTasks(context!), staleTime: 0 });
      if (!signal.aborted) setLive(null);
    } catch {
      setLostAt(Date.now());  // what has arrived stays on the page
    }
    following.current = false;
    void queries.invalidateQueries({ queryKey: ["sessions", key] });
  };

  // What was written is not lost.
  const refused = (text: string, why: string, context?: string) => {
    setLive(null);
    setDraft((now) => (now ? `${text}\n${now}` : text));
    setNotice(why);
    if (context) void queries.invalidateQueries({ queryKey: ["tasks", context] });
  };

  // Whose session this is, if not this agent's.
  const other = tasks.data?.map((t) => String(t.metadata?.kagent_app_name ?? key)).find((name) => name !== key);
  // A task that was under way when the page was opened is followed to its end.
  const running = !other && tasks.data?.find((t) => t.status.state === "working" || t.status.state === "submitted");
  useEffect(() => {
    if (!running || live || following.current) return;
    void follow((signal) => resubscribe(key, running.id, signal),
      { asked: asked(running), task: running.id, messages: said(running), partial: "", state: "working" });
  });
  useEffect(() => {
    if (!lostAt || !tasks.isSuccess || tasks.dataUpdatedAt < lostAt) return;
    setLostAt(0);
    setLive(null);
  }, [lostAt, tasks.isSuccess, tasks.dataUpdatedAt]);
  useEffect(() => {
    if (atEnd.current) end.current?.scrollIntoView({ block: "end" });
  }, [live, tasks.data]);

  const waiting = tasks.data?.filter((t) => t.status.state === "input-required").at(-1);
  const ask = (text: string, answers?: string[][]) => {
    atEnd.current = true;
    setNotice("");
    void follow((signal) => send(key, text, session, waiting?.id, signal, answers), {
      text, asked: waiting ? asked(waiting) : text, task: waiting?.id, messages: waiting ? [...said(waiting), ...answerTo(waiting, text, answers)] : [], partial: "", state: "submitted",
    });
  };
  // Whoever does not want to answer asks something else.
  const abandon = async (task: string) => {
    await cancel(key, task);
    await queries.invalidateQueries({ queryKey: ["tasks", session] });
  };
  // Somebody may speak in this session from elsewhere: the list of sessions tells when.
  const sessions = useQuery({ queryKey: ["sessions", key], queryFn: () => listSessions(key), enabled: !!session, refetchInterval: 5000 });
  const changed = sessions.data?.find((s) => s.id === session)?.updated_at;
  useEffect(() => {
    if (changed && !following.current) void queries.invalidateQueries({ queryKey: ["tasks", session] });
  }, [changed, session, queries]);
  if (other) return <div className="empty"><h1>This conversation is with {other}</h1><button className="suggest" onClick={() => onOpen(other, session)}>Open it there</button></div>;
  const done = (tasks.data ?? []).filter((t: Task) => t.id !== live?.task);
  const busy = !!live && live.state !== "failed";
  return (
    <section className="chat">
      <header className="bar">
        <h1>{agent.agent.metadata.name}</h1>
        <span className="sub">{agent.model} by {agent.modelConfigRef}</span>
      </header>
      <div className="turns" aria-live="polite" onScroll={(e) => {
        const box = e.currentTarget;
        atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
      }}>
        {!agent.deploymentReady && <p className="problem">This agent is not ready: {whyNotReady(agent) ?? "no reason is given"}</p>}
        {tasks.error && !live && <p className="problem" role="alert">{tasks.error.message}</p>}
        {!session && !live && (
          <div className="empty">
            <p>{agent.agent.spec.description ?? "Ask this agent something."}</p>
            {agent.deploymentReady && <button className="suggest" onClick={() => ask("What can you do?")}>What can you do?</button>}
          </div>
        )}
        {done.map((t) => <Boundary key={t.id}><Turn task={t} asked={asked(t)} by={by(t)} said={said(t)} state={t.status.state} words={textOf(t.status.message)} onAnswer={t.id === waiting?.id && !busy ? ask : undefined} /></Boundary>)}
        {live && <Boundary key={live.task ?? "live"}><Turn task={live.task ? { id: live.task } : undefined} running asked={live.asked} said={live.messages} partial={live.partial} state={live.state} words={live.error} /></Boundary>}
        {notice && <p className="problem" role="alert">{notice}</p>}
        <div ref={end} />
      </div>
      <Composer
        text={draft}
        onText={setDraft}
        busy={busy}
        stoppable={!!live?.task}
        placeholder={waiting && !busy ? "Your answer to the agent's question" : `Ask ${agent.agent.metadata.name}`}
        disabled={!agent.deploymentReady}
        onSend={(text) => ask(text)}
        onAbandon={waiting && !busy ? () => void abandon(waiting.id) : undefined}
        onStop={() => live?.task && void cancel(key, live.task)}
      />
    </section>
  );
}
