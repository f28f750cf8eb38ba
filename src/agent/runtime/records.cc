// What the runtime tells of turns, tool calls and model calls that no gateway sees.
#include <fmt/format.h>

#include "agent/loop/history.h"
#include "agent/runtime/run.h"
#include "base/strings.h"
#include "observe/record/trace_context.h"

namespace sl::agent {

// An error's text comes from models and providers: it can neither end its quotes nor start a field.
static std::string quoted(std::string_view key, const std::string& text) {
  if (text.empty()) return "";
  std::string out = fmt::format(" {}=", key);
  json::write_string(text, out);
  return out;
}

static observe::Record record_of(const TaskRow& row, observe::RecordKind kind) {
  observe::Record r;
  r.kind = kind;
  r.trace_id = row.trace_id;
  r.span_id = observe::new_span_id();
  r.parent_span_id = row.span_id;
  r.agent = row.agent;
  r.session = row.session;
  r.turn = row.id;
  return r;
}

void Runtime::record(observe::Record r) {
  if (!options_.sink) return;
  std::vector<observe::RecordPtr> records;
  records.push_back(std::make_unique<observe::Record>(std::move(r)));
  options_.sink->take(std::move(records));
}

void Runtime::record_turn(const Run& run, int64_t duration_us, const Error* error) {
  observe::Record r = record_of(run.row, observe::RecordKind::Turn);
  r.start_unix_us = run.start_unix_us;
  r.duration_us = duration_us;
  r.span_id = run.row.span_id;
  r.parent_span_id = run.row.parent_span_id;
  r.genai_operation = "invoke_agent";
  r.request_model = run.spec.model.model;
  r.has_usage = run.output_tokens > 0;
  r.input_tokens = run.input_tokens;
  r.output_tokens = run.output_tokens;
  if (error) r.failed(error->code, error->message);
  options_.log.info("turn agent={} session={} turn={} state={} duration={}ms{}", r.agent, r.session, r.turn,
                    run.row.state, r.duration_us / 1000, quoted("error", r.error));
  record(std::move(r));
}

void Runtime::record_interrupted(const TaskRow& row, const Error& why) {
  Run broken;
  broken.row = row;
  if (auto* spec = find(row.agent)) broken.spec = *spec;
  // As long as something of it was stored; what came after that is lost with the program.
  broken.start_unix_us = store_.turn_start(row).value_or(row.created_us);
  record_turn(broken, std::max<int64_t>(0, row.updated_us - broken.start_unix_us), &why);
}

void Runtime::record_tool(const TaskRow& row, const ToolRecord& about, const Error* error, const ToolCall* call) {
  observe::Record r = record_of(row, observe::RecordKind::ToolCall);
  r.start_unix_us = about.start_unix_us;
  r.duration_us = monotonic_us() - about.start_us;
  // A name that the model made up may be any text.
  r.tool = truncate_utf8(about.name, 64);
  for (char& c : r.tool)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-' && c != '.') c = '?';
  r.tool_call = truncate_utf8(about.call_id, 128);
  r.genai_operation = "execute_tool";
  if (call) {
    r.endpoint = call->peer.endpoint;
    r.upstream_addr = call->peer.address;
    r.tls_version = call->peer.tls_version;
    r.tls_peer = call->peer.tls_name;
    r.auth = call->auth;
  }
  if (error) r.failed(error->code, error->message);
  options_.log.info("tool agent={} session={} turn={} gen_ai.tool.name={} duration={}ms{}", r.agent, r.session, r.turn,
                    r.tool, r.duration_us / 1000, quoted("error", r.error));
  record(std::move(r));
}

void Runtime::record_questions(const TaskRow& row, const std::vector<LogMessage>& messages, const Error* error) {
  int64_t waited = std::max<int64_t>(0, unix_us() - row.updated_us);  // since it was asked
  for (auto& call : open_calls(row.id, messages))
    if (json::str(call, "function", "name") == "ask_user")
      record_tool(row, {"ask_user", std::string(json::str(call, "id")), row.updated_us, monotonic_us() - waited},
                  error);
}

void Runtime::record_direct_call(const Run& run, const ModelWire& wire, const Result<ModelAnswer>& answer,
                                 const DirectCall& about) {
  observe::Record r = record_of(run.row, observe::RecordKind::Exchange);
  r.span_id = about.span;
  r.start_unix_us = about.start_unix_us;
  r.duration_us = about.duration_us;
  r.streamed = about.streamed;
  r.direct = true;
  r.protocol = "llm";
  r.genai_operation = "chat";
  r.genai_provider = "openai";
  r.request_model = run.spec.model.model;
  r.method = "POST";
  r.version = "HTTP/1.1";
  if (auto url = net::parse_url(run.spec.model.url)) {
    r.host = url->host;
    r.path = url->path.substr(0, url->path.find('?'));
    r.endpoint = fmt::format("{}:{}", url->host, url->port);
  }
  r.upstream_addr = wire.peer.address;
  r.tls_version = wire.peer.tls_version;
  r.tls_peer = wire.peer.tls_name;
  r.status = wire.status;
  r.request_bytes = wire.request_bytes;
  if (!r.upstream_addr.empty()) r.auth = wire.auth;  // else nothing was sent
  if (answer) {
    r.response_model = answer->model;
    r.finish_reason = answer->finish_reason;
    r.has_usage = answer->usage.is_object();
    r.input_tokens = json::num(answer->usage, 0, "prompt_tokens");
    r.output_tokens = json::num(answer->usage, 0, "completion_tokens");
    r.cached_tokens = json::num(answer->usage, 0, "prompt_tokens_details", "cached_tokens");
  } else {
    r.failed(answer.error().code, answer.error().message);
  }
  record(std::move(r));
}

}  // namespace sl::agent
