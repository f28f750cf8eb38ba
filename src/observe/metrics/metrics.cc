#include "observe/metrics/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace sl::observe {
namespace {

const std::vector<double> kSeconds = {0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                                      1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
const std::vector<double> kTokens = {1,     4,     16,     64,      256,     1024,     4096,
                                     16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};

std::string escape(std::string_view v) {
  std::string out;
  for (char c : v) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

class Labels {
 public:
  Labels& add(std::string_view key, std::string_view value) {
    if (!value.empty()) text_ += fmt::format("{}{}=\"{}\"", text_.empty() ? "" : ",", key, escape(value));
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

Labels genai_labels(const Record& r) {
  Labels l;
  l.add("gen_ai_operation_name", r.genai_operation)
      .add("gen_ai_provider_name", r.genai_provider)
      .add("gen_ai_request_model", r.request_model)
      .add("gen_ai_response_model", r.response_model);
  return l;
}

void write_header(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

}  // namespace

void Metrics::observe(Series& series, const std::vector<double>& bounds, std::string labels, double value) {
  if (series.size() >= kSeriesMax && !series.contains(labels)) labels = "series=\"other\"";
  Histogram& h = series[labels];
  h.buckets.resize(bounds.size());
  for (size_t i = 0; i < bounds.size(); ++i)
    if (value <= bounds[i]) ++h.buckets[i];
  h.sum += value;
  ++h.count;
}

void Metrics::add_one(const Record& r) {
  double seconds = static_cast<double>(r.duration_us) / 1e6;
  if (r.kind == RecordKind::Turn)
    return observe(agent_duration_, kSeconds,
                   Labels().add("gen_ai_agent_name", r.agent).add("error", r.error.empty() ? "" : "true").take(),
                   seconds);
  if (r.kind == RecordKind::ToolCall)
    return observe(tool_duration_, kSeconds,
                   Labels().add("gen_ai_tool_name", r.tool).add("error", r.error.empty() ? "" : "true").take(),
                   seconds);
  std::string labels = Labels()
                           .add("gateway", r.gateway)
                           .add("route", r.route)
                           .add("status", std::to_string(r.status))
                           .add("protocol", r.protocol)
                           .take();
  if (requests_.size() >= kSeriesMax && !requests_.contains(labels)) labels = "series=\"other\"";
  ++requests_[labels];
  observe(duration_, kSeconds, Labels().add("gateway", r.gateway).add("protocol", r.protocol).take(), seconds);
  if (r.protocol != "llm") return;
  observe(genai_duration_, kSeconds,
          genai_labels(r).add("error_type", r.status >= 400 || !r.error.empty() ? std::to_string(r.status) : "").take(),
          seconds);
  if (r.has_usage) {
    observe(tokens_, kTokens, genai_labels(r).add("gen_ai_token_type", "input").take(),
            static_cast<double>(r.input_tokens));
    observe(tokens_, kTokens, genai_labels(r).add("gen_ai_token_type", "output").take(),
            static_cast<double>(r.output_tokens));
  }
  if (r.streamed && r.first_byte_us)
    observe(first_chunk_, kSeconds, genai_labels(r).take(), static_cast<double>(r.first_byte_us) / 1e6);
}

void Metrics::add(const std::vector<Record>& records) {
  std::lock_guard lock(mutex_);
  for (auto& r : records) add_one(r);
}

void Metrics::count_ledger_skipped(uint64_t n) {
  std::lock_guard lock(mutex_);
  ledger_skipped_ += n;
}

std::string Metrics::text() {
  std::lock_guard lock(mutex_);
  std::string out;
  write_header(out, "sightline_requests_total", "counter", "Requests by gateway, route and status.");
  for (auto& [labels, n] : requests_) out += fmt::format("sightline_requests_total{{{}}} {}\n", labels, n);
  auto histogram = [&](std::string_view name, std::string_view help, const Series& series,
                       const std::vector<double>& bounds) {
    write_header(out, name, "histogram", help);
    for (auto& [labels, h] : series) {
      std::string comma = labels.empty() ? "" : ",";
      for (size_t i = 0; i < bounds.size(); ++i)
        out += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma, bounds[i], h.buckets[i]);
      out += fmt::format("{}_bucket{{{}{}le=\"+Inf\"}} {}\n{}_sum{{{}}} {}\n{}_count{{{}}} {}\n", name, labels, comma,
                         h.count, name, labels, h.sum, name, labels, h.count);
    }
  };
  histogram("sightline_request_duration_seconds", "Time from the request's head to the end of its answer.", duration_,
            kSeconds);
  histogram("gen_ai_client_operation_duration_seconds", "Duration of model calls.", genai_duration_, kSeconds);
  histogram("gen_ai_client_token_usage", "Tokens by type.", tokens_, kTokens);
  histogram("gen_ai_client_operation_time_to_first_chunk_seconds", "Time to the first streamed bytes.", first_chunk_,
            kSeconds);
  histogram("gen_ai_invoke_agent_duration_seconds", "Duration of agent turns.", agent_duration_, kSeconds);
  histogram("gen_ai_execute_tool_duration_seconds", "Duration of tool calls.", tool_duration_, kSeconds);
  write_header(out, "sightline_ledger_skipped_total", "counter",
               "Plain HTTP records not kept in the ledger because of load.");
  out += fmt::format("sightline_ledger_skipped_total {}\n", ledger_skipped_);
  write_header(out, "sightline_build_info", "gauge", "Version of this program.");
  out += "sightline_build_info{version=\"" SIGHTLINE_VERSION "\"} 1\n";
  return out;
}

}  // namespace sl::observe
