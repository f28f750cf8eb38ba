#include "observe/record/record.h"

#include "base/strings.h"

namespace sl::observe {

static_assert(sizeof(Record) == 1024 || sizeof(void*) != 8, "a new member needs a line in Record::clear()");

void Record::clear() {
  for (std::string* s : {&trace_id,       &span_id,       &parent_span_id,  &gateway,        &listener,
                         &route,          &endpoint,      &upstream_addr,   &src_addr,       &method,
                         &host,           &path,          &genai_operation, &genai_provider, &request_model,
                         &response_model, &finish_reason, &agent,           &session,        &turn,
                         &auth,           &tls_version,   &tls_peer,        &policy,         &tool,
                         &tool_call,      &error})
    s->clear();
  version = protocol = {};
  dropped.clear();
  kind = RecordKind::Exchange;
  start_unix_us = duration_us = first_byte_us = 0;
  status = 0;
  request_bytes = response_bytes = 0;
  has_usage = streamed = direct = false;
  input_tokens = output_tokens = cached_tokens = 0;
  error_code = Code::Internal;
}

json::Value to_json(const Record& r) {
  static constexpr std::string_view kKinds[] = {"exchange", "turn", "tool_call"};
  json::Object o{{"kind", kKinds[static_cast<int>(r.kind)]},
                 {"start", rfc3339(r.start_unix_us / 1000, true)},
                 {"start_us", r.start_unix_us},
                 {"duration_us", r.duration_us},
                 {"trace_id", r.trace_id},
                 {"span_id", r.span_id}};
  auto text = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) o[key] = value;
  };
  auto number = [&](std::string_view key, int64_t value) {
    if (value) o[key] = value;
  };
  text("parent_span_id", r.parent_span_id);
  text("gateway", r.gateway);
  text("listener", r.listener);
  text("route", r.route);
  text("endpoint", r.endpoint);
  text("upstream.addr", r.upstream_addr);
  text("src.addr", r.src_addr);
  text("http.method", r.method);
  text("http.host", r.host);
  text("http.path", r.path);
  text("http.version", r.version);
  number("http.status", r.status);
  number("request_bytes", static_cast<int64_t>(r.request_bytes));
  number("response_bytes", static_cast<int64_t>(r.response_bytes));
  number("first_byte_us", r.first_byte_us);
  text("protocol", r.protocol);
  text("gen_ai.operation.name", r.genai_operation);
  text("gen_ai.provider.name", r.genai_provider);
  text("gen_ai.request.model", r.request_model);
  text("gen_ai.response.model", r.response_model);
  text("gen_ai.response.finish_reason", r.finish_reason);
  if (r.has_usage) {
    o["gen_ai.usage.input_tokens"] = r.input_tokens;
    o["gen_ai.usage.output_tokens"] = r.output_tokens;
    number("gen_ai.usage.cache_read.input_tokens", r.cached_tokens);
  }
  if (r.streamed) o["streamed"] = true;
  if (r.direct) o["direct"] = true;
  if (!r.dropped.empty()) o["dropped"] = json::Array(r.dropped.begin(), r.dropped.end());
  text("agent", r.agent);
  text("session", r.session);
  text("turn", r.turn);
  text("auth", r.auth);
  text("tls.version", r.tls_version);
  text("tls.peer", r.tls_peer);
  text("policy", r.policy);
  text("gen_ai.tool.name", r.tool);
  text("gen_ai.tool.call.id", r.tool_call);
  text("error", r.error);
  return o;
}

}  // namespace sl::observe
