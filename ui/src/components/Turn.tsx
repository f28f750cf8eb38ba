import { type ComponentProps, createContext, useContext } from "react";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import type { Message, Part } from "../api";
import { Trail } from "./Trail";

interface Props {
  task?: { id: string };  // absent until the server has given it a name
  running?: boolean;
  asked: string;
  said: Message[];
  partial?: string;  // text of a model call that has not ended
  state: string;     // as A2A names it
  words?: string;    // what the state says: an error, a question
  onAnswer?: (text: string) => void;  // the agent waits for an answer to this turn's question
}

// One turn: what was asked, what the agent did and answered, and beside it the trail.
export function Turn({ task, running, asked, said, partial, state, words, onAnswer }: Props) {
  const results = new Map<string, Part>();
  for (const m of said) for (const p of m.parts) if (p.metadata?.adk_type === "function_response") results.set(String(p.data?.id), p);
  const problem = state === "failed" || state === "rejected";
  return (
    <article className="exchange-row">
      <div className="talk">
        <div className="user">{asked}</div>
        <div className="agent">
          {said.flatMap((m) => m.parts.map((p, i) => <PartView key={`${m.messageId}-${i}`} part={p} results={results} onAnswer={onAnswer} />))}
          {partial && <Words text={partial} />}
          {running && !partial && (state === "working" || state === "submitted") && <span className="working" role="status">working</span>}
          {problem && <p className="problem" role="alert">{words || "failed without a reason"}</p>}
          {state === "canceled" && <p className="sub">stopped</p>}
        </div>
      </div>
      <Trail turn={task?.id} running={!!running} />
    </article>
  );
}

// A link leaves the chat where it is. A picture from elsewhere is not loaded: that would tell its server who reads.
const InLink = createContext(false);
function Link({ node: _, href, children, ...rest }: ComponentProps<"a"> & { node?: unknown }) {
  if (!href) return <>{children}</>;
  const elsewhere = href.startsWith("#") ? {} : { target: "_blank", rel: "noreferrer" };
  return <a href={href} {...rest} {...elsewhere}><InLink.Provider value={true}>{children}</InLink.Provider></a>;
}
function Image({ src, alt }: { src?: unknown; alt?: string }) {
  const inside = useContext(InLink);
  return typeof src === "string" && src && !inside ? <Link href={src}>{alt || "image"}</Link> : <>{alt || "image"}</>;
}

function Words({ text }: { text: string }) {
  return <Markdown remarkPlugins={[remarkGfm]} components={{ a: Link, img: Image }}>{text}</Markdown>;
}

function PartView({ part, results, onAnswer }: { part: Part; results: Map<string, Part>; onAnswer: Props["onAnswer"] }) {
  const type = part.metadata?.adk_type;
  if (type === "function_response") return null;
  if (type !== "function_call") return part.text ? <Words text={part.text} /> : null;
  const call = part.data as { id?: string; name?: string; args?: unknown };
  if (call.name === "adk_request_confirmation") return null;
  const response = results.get(String(call.id))?.data?.response as { result?: string } | undefined;
  if (call.name === "ask_user") return <Question args={call.args} answer={response?.result} onAnswer={onAnswer} />;
  return (
    <details className="tool">
      <summary><span className={`dot ${!response ? "busy" : response.result?.startsWith("error: ") ? "bad" : "ok"}`} />tool <b>{call.name}</b></summary>
      <pre>{JSON.stringify(call.args, null, 2)}</pre>
      {response && <pre>{response.result}</pre>}
    </details>
  );
}

interface Asked { question?: string; choices?: unknown[] }

// What the agent wanted to know, and what it was told. The choices of a single question can be taken by a click.
function Question({ args, answer, onAnswer }: { args: unknown; answer?: string; onAnswer: Props["onAnswer"] }) {
  const list = (args as { questions?: unknown } | undefined)?.questions;
  const questions = (Array.isArray(list) ? list : []) as Asked[];
  const open = onAnswer && answer === undefined && questions.length === 1;
  return (
    <div className="question">
      {questions.length === 0 && <p>The agent asks for your input.</p>}
      {questions.map((q, i) => (
        <div key={i}>
          <Words text={String(q?.question ?? "")} />
          {Array.isArray(q?.choices) && <ul className={open ? "choices" : ""}>{q.choices.map((c, k) => (
            <li key={k}>{open ? <button onClick={() => onAnswer(String(c))}>{String(c)}</button> : String(c)}</li>))}</ul>}
        </div>
      ))}
      {answer !== undefined && <div className="user">{answer}</div>}
    </div>
  );
}
