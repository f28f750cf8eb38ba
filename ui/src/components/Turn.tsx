import { type ComponentProps, createContext, useContext, useId } from "react";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import type { Message, Part } from "../api";
import { AnswerForm, askedBy, Question } from "./Question";
import { Trail } from "./Trail";

interface Props {
  task?: { id: string };  // absent until the server has given it a name
  running?: boolean;
  asked: string;
  by?: string;  // who of a shared session, if not the user whose it is
  said: Message[];
  partial?: string;  // text of a model call that has not ended
  state: string;     // as A2A names it
  words?: string;    // what the state says: an error, a question
  onAnswer?: (text: string, answers?: string[][]) => void;  // the agent waits for an answer to this turn's questions
}

// One turn: what was asked, what the agent did and answered, and beside it the trail.
export function Turn({ task, running, asked, by, said, partial, state, words, onAnswer }: Props) {
  const results = new Map<string, Part>();
  for (const m of said) for (const p of m.parts) if (p.metadata?.adk_type === "function_response") results.set(String(p.data?.id), p);
  const problem = state === "failed" || state === "rejected";
  // A single question with single choices is answered by a click on one; anything else in a form for all of them.
  const open = onAnswer ? said.flatMap((m) => m.parts).filter((p) => isQuestion(p) && !results.has(String(p.data?.id))).flatMap((p) => askedBy(p.data?.args)) : [];
  const form = open.length > 1 || open.some((q) => !!q.multiple && !!q.choices);
  return (
    <article className="exchange-row">
      <div className="talk">
        {by && <div className="by sub">{by}</div>}
        <div className="user">{asked}</div>
        <div className="agent">
          {said.flatMap((m) => [...m.parts.map((p, i) => <PartView key={`${m.messageId}-${i}`} part={p} results={results} onAnswer={onAnswer} inForm={form} />), <EndedEarly key={`${m.messageId}-end`} message={m} />])}
          {form && onAnswer && <AnswerForm questions={open} onAnswer={onAnswer} />}
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

// An answer that the model did not end itself must not be taken for a whole one.
function EndedEarly({ message }: { message: Message }) {
  const why = message.metadata?.adk_finish_reason;
  if (why !== "MAX_TOKENS" && why !== "SAFETY") return null;
  return <p className="cut">{why === "MAX_TOKENS" ? "cut short: the model came to its limit of tokens" : "the model or its provider refused to go on"}</p>;
}

const isQuestion = (p: Part) => p.metadata?.adk_type === "function_call" && p.data?.name === "ask_user";

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

// Footnotes are numbered in each text anew: their anchors get a name of their own.
export function Words({ text }: { text: string }) {
  const id = useId();
  return <Markdown remarkPlugins={[remarkGfm]} remarkRehypeOptions={{ clobberPrefix: `${id}-` }} components={{ a: Link, img: Image }}>{text}</Markdown>;
}

function PartView({ part, results, onAnswer, inForm }: { part: Part; results: Map<string, Part>; onAnswer: Props["onAnswer"]; inForm: boolean }) {
  const type = part.metadata?.adk_type;
  if (type === "function_response") return null;
  if (type !== "function_call") return part.text ? <Words text={part.text} /> : null;
  const call = part.data as { id?: string; name?: string; args?: unknown };
  if (call.name === "adk_request_confirmation") return null;
  const response = results.get(String(call.id))?.data?.response as { result?: string } | undefined;
  if (call.name === "ask_user" && inForm && !response) return null;  // asked there
  if (call.name === "ask_user") return <Question args={call.args} answer={response?.result} onAnswer={onAnswer} />;
  return (
    <details className="tool">
      <summary><span className={`dot ${!response ? "busy" : response.result?.startsWith("error: ") ? "bad" : "ok"}`} />tool <b>{call.name}</b></summary>
      <pre>{JSON.stringify(call.args, null, 2)}</pre>
      {response && <pre>{response.result}</pre>}
    </details>
  );
}
