// A2A over JSON-RPC: sends a message and yields the task's events as they come.
import type { Message, Task } from "./api";

export type TaskEvent =
  | (Task & { kind: "task" })
  | { kind: "status-update"; taskId: string; contextId: string; status: { state: string; message?: Message }; final: boolean; metadata?: Record<string, unknown> }
  | { kind: "artifact-update"; taskId: string; contextId: string };

interface Rpc { result?: TaskEvent; error?: { message: string } }

function request(method: string, params: unknown, signal?: AbortSignal): RequestInit {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), signal };
}

const url = (agent: string) => `/api/a2a/${agent}/`;

async function* events(response: Response): AsyncGenerator<TaskEvent> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    const body = (await response.json()) as Rpc & { error?: { message: string } | string };
    throw new Error(typeof body.error === "string" ? body.error : body.error?.message ?? `the server answered ${response.status}`);
  }
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += value;
    for (let end; (end = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(end + 2)) {
      const data = buffer.slice(0, end).split("\n").filter((l) => l.startsWith("data: ")).map((l) => l.slice(6)).join("\n");
      if (!data) continue;
      const rpc = JSON.parse(data) as Rpc;
      if (rpc.error) throw new Error(rpc.error.message);
      if (rpc.result) yield rpc.result;
    }
  }
}

export async function* send(agent: string, text: string, session: string | undefined, task: string | undefined, signal: AbortSignal, answers?: string[][]): AsyncGenerator<TaskEvent> {
  // Answers to several questions go as data, so that each gets its own.
  const data = { kind: "data", data: { decision_type: "approve", ask_user_answers: answers?.map((answer) => ({ answer })) } };
  const message = { kind: "message", role: "user", messageId: crypto.randomUUID?.() ?? String(Math.random()), contextId: session, taskId: task, parts: answers ? [data] : [{ kind: "text", text }] };
  yield* events(await fetch(url(agent), request("message/stream", { message }, signal)));
}

export async function* resubscribe(agent: string, task: string, signal: AbortSignal): AsyncGenerator<TaskEvent> {
  yield* events(await fetch(url(agent), request("tasks/resubscribe", { id: task }, signal)));
}

export async function cancel(agent: string, task: string): Promise<void> {
  await fetch(url(agent), request("tasks/cancel", { id: task }));
}
