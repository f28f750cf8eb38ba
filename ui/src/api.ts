// The public HTTP API, typed. Everything the page shows comes through here.

export interface Condition { type: string; status: string; reason: string; message: string }
export interface AgentItem {
  id: string;
  agent: { metadata: { name: string; namespace: string }; spec: { description?: string; type?: string }; status?: { conditions?: Condition[] } };
  modelProvider: string;
  model: string;
  modelConfigRef: string;
  deploymentReady: boolean;
  accepted: boolean;
}
export interface Session { id: string; name: string; agent_ref: string; created_at: string; updated_at: string }
export interface Part { kind: string; text?: string; data?: Record<string, unknown>; metadata?: Record<string, unknown> }
export interface Message { messageId: string; role: "user" | "agent"; parts: Part[]; metadata?: Record<string, unknown> }
export interface Task {
  id: string;
  contextId: string;
  status: { state: string; message?: Message; timestamp?: string };
  history?: Message[];
  metadata?: Record<string, unknown>;
}
// A record as the access log names its parts.
export type TrafficRecord = Record<string, unknown> & { id: number; kind: "exchange" | "turn" | "tool_call"; start_us: number; duration_us: number };

async function call<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(path, init);
  const body = (await response.json()) as { data: T; error: unknown };
  if (!response.ok) throw new Error(typeof body.error === "string" ? body.error : `the server answered ${response.status}`);
  return body.data;
}

export const textOf = (m?: Message) => m?.parts.map((p) => p.text ?? "").join("") ?? "";
export const whyNotReady = (a: AgentItem) => a.agent.status?.conditions?.find((c) => c.status === "False")?.message;
export const agentKey = (a: AgentItem) => `${a.agent.metadata.namespace}/${a.agent.metadata.name}`;
export const listAgents = () => call<AgentItem[]>("/api/agents");
export const listSessions = (agent: string) => call<Session[]>(`/api/sessions/agent/${agent}`);
export const listTasks = (session: string) => call<Task[]>(`/api/sessions/${encodeURIComponent(session)}/tasks`);
export const deleteSession = (session: string) => call<null>(`/api/sessions/${encodeURIComponent(session)}`, { method: "DELETE" });
export const recordsOfTurn = (turn: string) => call<TrafficRecord[]>(`/api/records?turn=${encodeURIComponent(turn)}`);
