import { useState } from "react";
import { Words } from "./Turn";

export interface Asked { question?: string; choices?: unknown[]; multiple?: boolean }

// The questions of one call of ask_user; one without any asks for anything.
export function askedBy(args: unknown): Asked[] {
  const list = (args as { questions?: unknown } | undefined)?.questions;
  const questions = Array.isArray(list) ? list.map((q): Asked => (typeof q === "string" ? { question: q } : q && typeof q === "object" ? (q as Asked) : {})) : [];
  return questions.length > 0 ? questions : [{ question: "The agent asks for your input." }];
}

// An answer as it is stored: words, or a list of answers in the order of the questions.
function answersIn(stored: string): string[] {
  try {
    const list = JSON.parse(stored) as { answer?: unknown[] }[];
    if (Array.isArray(list) && list.every((a) => Array.isArray(a?.answer))) return list.map((a) => a.answer!.join(", "));
  } catch { /* words */ }
  return [stored];
}

// What the agent wanted to know, and what it was told. The choices of a single question can be taken by a click.
export function Question({ args, answer, onAnswer }: { args: unknown; answer?: string; onAnswer?: (text: string) => void }) {
  const questions = askedBy(args);
  const open = onAnswer && answer === undefined && questions.length === 1;
  const told = answer === undefined ? [] : answersIn(answer);
  const each = told.length === questions.length;
  return (
    <div className="question">
      {questions.map((q, i) => (
        <div key={i}>
          <Words text={String(q?.question ?? "")} />
          {Array.isArray(q?.choices) && <ul className={open ? "choices" : ""}>{q.choices.map((c, k) => (
            <li key={k}>{open ? <button onClick={() => onAnswer(String(c))}>{String(c)}</button> : String(c)}</li>))}</ul>}
          {each && <div className="user">{told[i]}</div>}
        </div>
      ))}
      {!each && told.map((t, i) => <div key={i} className="user">{t}</div>)}
    </div>
  );
}

// Several questions, or one with several answers: each is answered, then all are sent.
export function AnswerForm({ questions, onAnswer }: { questions: Asked[]; onAnswer: (text: string, answers: string[][]) => void }) {
  const [chosen, setChosen] = useState<string[][]>(questions.map(() => []));
  const [written, setWritten] = useState<string[]>(questions.map(() => ""));
  const answers = questions.map((_, i) => (written[i]?.trim() ? [...chosen[i]!, written[i]!.trim()] : chosen[i]!));
  const toggle = (i: number, choice: string, multiple?: boolean) => setChosen(chosen.map((list, k) => (
    k !== i ? list : list.includes(choice) ? list.filter((c) => c !== choice) : multiple ? [...list, choice] : [choice])));
  return (
    <form className="answers" onSubmit={(e) => { e.preventDefault(); onAnswer(answers.map((a) => a.join(", ")).join("\n"), answers); }}>
      {questions.map((q, i) => (
        <fieldset key={i} aria-label={String(q.question ?? "")}>
          <p className="asked">{String(q.question ?? "")}</p>
          {Array.isArray(q.choices) && <div className="choices">{q.choices.map(String).map((c) => (
            <button key={c} type="button" aria-pressed={chosen[i]!.includes(c)} onClick={() => toggle(i, c, q.multiple)}>{c}</button>))}</div>}
          <input aria-label={`Answer to ${String(q.question ?? "the question")}`} value={written[i]} placeholder={q.choices ? "or in your own words" : "your answer"}
            onChange={(e) => setWritten(written.map((w, k) => (k === i ? e.target.value : w)))} />
        </fieldset>
      ))}
      <button type="submit" className="suggest" disabled={answers.some((a) => a.length === 0)}>Answer</button>
    </form>
  );
}
