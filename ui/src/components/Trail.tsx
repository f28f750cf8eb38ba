import { useQuery } from "@tanstack/react-query";
import { recordsOfTurn, type TrafficRecord } from "../api";

const text = (r: TrafficRecord, key: string) => (r[key] === undefined ? "" : String(r[key]));
const ms = (us: number) => (us < 1000 ? `${us} µs` : us < 10_000_000 ? `${Math.round(us / 1000)} ms` : `${(us / 1e6).toFixed(1)} s`);
const identity: Record<string, string> = { secret: "backend's Secret", caller: "caller's credential", inline: "credential in Backend", own: "Sightline's credential", none: "no credential" };

// The records come a moment after the answer, that of a call that was cancelled after the turn's own; one that was never
// written is not waited for. A turn that ended long ago has all it will have.
function unfinished(records: TrafficRecord[] | undefined, fetched: number) {
  const turn = records?.find((r) => r.kind === "turn");
  const recent = !turn || Date.now() - (turn.start_us + turn.duration_us) / 1000 < 5000;
  return fetched < (recent ? 12 : 2);
}

// Where the turn's traffic went: a waterfall of turn, model and tool calls, from the gateway's records.
export function Trail({ turn, running }: { turn?: string; running: boolean }) {
  const records = useQuery({ queryKey: ["trail", turn, running], queryFn: () => recordsOfTurn(turn!), enabled: !!turn, refetchInterval: (query) => (running || unfinished(query.state.data, query.state.dataUpdateCount) ? 500 : false) });
  const all = [...(records.data ?? [])].sort((a, b) => a.start_us - b.start_us || a.id - b.id);
  if (!turn || all.length === 0) return <aside className="trail" aria-label="Trail" />;
  const start = Math.min(...all.map((r) => r.start_us));
  const span = Math.max(1, ...all.map((r) => r.start_us + r.duration_us - start));
  const calls = all.filter((r) => r.kind === "exchange").length;
  const tokens = all.filter((r) => r.kind === "exchange").reduce((n, r) => n + Number(r["gen_ai.usage.input_tokens"] ?? 0) + Number(r["gen_ai.usage.output_tokens"] ?? 0), 0);
  return (
    <aside className="trail" aria-label="Trail">
      <header>
        <b>{ms(span)}</b> · {calls} model {calls === 1 ? "call" : "calls"} · {tokens} tokens
        <code title={`sightline explain ${text(all[0], "trace_id")}`}>{text(all[0], "trace_id").slice(0, 8)}</code>
      </header>
      {all.map((r) => <Row key={r.id} record={r} left={((r.start_us - start) / span) * 100} width={(r.duration_us / span) * 100} />)}
    </aside>
  );
}

function Row({ record: r, left, width }: { record: TrafficRecord; left: number; width: number }) {
  const label = r.kind === "turn" ? "turn" : r.kind === "tool_call" ? text(r, "gen_ai.tool.name") : text(r, "endpoint");
  const stopped = Number(r["http.status"]) === 499 || /^(cancelled|the client went away)$/.test(text(r, "error"));  // as wanted
  const sent = r["upstream.addr"] !== undefined;
  const failed = !stopped && (!!r.error || Number(r["http.status"] ?? 0) >= 400);
  return (
    <details className={`hop ${r.kind} ${failed ? "failed" : ""}`}>
      <summary>
        <span className="label" title={label}>{label}</span>
        <span className="lane"><span className="bar" style={{ marginLeft: `${Math.min(left, 99)}%`, width: `${Math.max(1, Math.min(width, 100 - left))}%` }} /></span>
        <span className="time">{ms(r.duration_us)}</span>
        {(r.kind === "exchange" || (r.kind === "tool_call" && r.endpoint !== undefined)) && (
          <span className="facts">
            {sent ? <span className={`chip ${r["tls.version"] ? "safe" : "warn"}`}>{r["tls.version"] ? text(r, "tls.version") : "no TLS"}</span>
              : <span className="chip" title="there was no connection: neither words nor credential left">nothing sent</span>}
            {r.auth !== undefined && <span className="chip">{identity[text(r, "auth")] ?? text(r, "auth")}</span>}
            {r["gen_ai.usage.input_tokens"] !== undefined && <span className="chip">{text(r, "gen_ai.usage.input_tokens")} in · {text(r, "gen_ai.usage.output_tokens")} out</span>}
            {r.direct === true && <span className="chip bad" title="no gateway saw this call">past every gateway</span>}
            {stopped && <span className="chip">stopped</span>}
            {failed && <span className="chip bad" title={text(r, "error")}>{Number(r["http.status"] ?? 0) >= 400 ? text(r, "http.status") : "failed"}</span>}
          </span>
        )}
      </summary>
      <dl>
        {["gateway", "listener", "route", "endpoint", "upstream.addr", "tls.version", "tls.peer", "auth", "policy", "http.path", "http.status", "gen_ai.request.model", "gen_ai.response.model",
          "gen_ai.response.finish_reason", "gen_ai.tool.call.id", "dropped", "error", "span_id"].filter((k) => r[k] !== undefined).map((k) => (
          <div key={k}><dt>{k}</dt><dd>{String(r[k])}</dd></div>
        ))}
      </dl>
    </details>
  );
}
