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

// A name that no provider has answered to is the client's own making: any number of them, of any length.
Labels genai_labels(const Record& r, bool known) {
  Labels l;
  l.add("gen_ai_operation_name", r.genai_operation)
      .add("gen_ai_provider_name", r.genai_provider)
      .add("gen_ai_request_model", known ? r.request_model : "unknown")
      .add("gen_ai_response_model", r.response_model.size() > kModelNameMax ? "unknown" : r.response_model);
  if (!r.agent.empty()) l.add("gen_ai_agent_name", r.agent);  // what each agent costs
  return l;
}

void write_header(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

}  // namespace

Metrics::Histogram& Metrics::series(Series& all, const std::vector<double>& bounds, std::string labels) {
  if (all.size() >= kSeriesMax && !all.contains(labels)) {
    size_t type = labels.find("gen_ai_token_type=");  // never in one sum
    labels = "series=\"other\"" + (type == std::string::npos ? "" : "," + labels.substr(type));
  }
  Histogram& h = all[labels];
  h.buckets.resize(bounds.size());
  return h;
}

static void observe(Metrics::Histogram& h, const std::vector<double>& bounds, double value) {
  for (size_t i = 0; i < bounds.size(); ++i)
    if (value <= bounds[i]) ++h.buckets[i];
  h.sum += value;
  ++h.count;
}

Metrics::Exchanges Metrics::exchanges_of(const Record& r) {
  std::string labels = Labels()
                           .add("gateway", r.gateway)
                           .add("route", r.route)
                           .add("status", std::to_string(r.status))
                           .add("protocol", r.protocol)
                           .take();
  if (requests_.size() >= kSeriesMax && !requests_.contains(labels)) labels = "series=\"other\"";
  Exchanges out;
  out.requests = &requests_[labels];
  out.duration = &series(duration_, kSeconds, Labels().add("gateway", r.gateway).add("protocol", r.protocol).take());
  return out;
}

// OpenTelemetry's error.type, one of few: the status if that says it, else what went wrong on the way.
static std::string error_type_of(const Record& r) {
  if (r.status == 499) return "cancelled";
  if (r.status >= 400) return std::to_string(r.status);
  if (r.error.empty()) return "";
  std::string out;
  for (char c : code_name(r.error_code)) {
    bool upper = c >= 'A' && c <= 'Z';
    if (upper && !out.empty()) out += '_';
    out += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

bool Metrics::is_known(const std::string& model) const {
  return model.empty() || models_.contains(model);
}

Metrics::ModelCalls Metrics::model_calls_of(const Record& r, const std::string& error_type) {
  bool known = is_known(r.request_model);
  ModelCalls out;
  out.duration = &series(genai_duration_, kSeconds, genai_labels(r, known).add("error_type", error_type).take());
  if (r.has_usage) {
    out.input = &series(tokens_, kTokens, genai_labels(r, known).add("gen_ai_token_type", "input").take());
    out.output = &series(tokens_, kTokens, genai_labels(r, known).add("gen_ai_token_type", "output").take());
  }
  if (r.streamed && r.first_byte_us) out.first_chunk = &series(first_chunk_, kSeconds, genai_labels(r, known).take());
  return out;
}

// Finds `key` in `cache`, or makes the entry; a flood of different labels starts the cache anew.
template <class Cache, class Make>
static auto& cached(Cache& cache, const std::string& key, Make make) {
  if (auto it = cache.find(key); it != cache.end()) return it->second;
  if (cache.size() >= 2 * kSeriesMax) cache.clear();
  return cache[key] = make();
}

void Metrics::add_exchange(const Record& r, double seconds) {
  key_.assign(r.gateway).append(1, '\0').append(r.route).append(1, '\0').append(r.protocol).append(1, '\0');
  key_ += static_cast<char>(r.status & 0xff);
  key_ += static_cast<char>(r.status >> 8);
  if (!r.direct) {  // a model call past every gateway is no request of one
    auto& exchange = cached(exchanges_, key_, [&] { return exchanges_of(r); });
    ++*exchange.requests;
    observe(*exchange.duration, kSeconds, seconds);
  }
  if (r.protocol != "llm") return;
  if (r.error.empty() && r.status < 400 && r.request_model.size() <= kModelNameMax && models_.size() < kModelsMax)
    models_.insert(r.request_model);
  static const std::string kUnknown = "?";
  bool known = is_known(r.request_model);
  for (auto* part :
       {&r.genai_operation, &r.genai_provider, known ? &r.request_model : &kUnknown, &r.response_model, &r.agent})
    key_.append(1, '\0').append(*part);
  key_ += static_cast<char>('0' + (r.has_usage ? 1 : 0) + (r.streamed && r.first_byte_us ? 2 : 0));
  std::string error_type = error_type_of(r);
  key_ += error_type;
  auto& calls = cached(model_calls_, key_, [&] { return model_calls_of(r, error_type); });
  observe(*calls.duration, kSeconds, seconds);
  if (calls.input) observe(*calls.input, kTokens, static_cast<double>(r.input_tokens));
  if (calls.output) observe(*calls.output, kTokens, static_cast<double>(r.output_tokens));
  if (calls.first_chunk) observe(*calls.first_chunk, kSeconds, static_cast<double>(r.first_byte_us) / 1e6);
}

void Metrics::add_one(const Record& r) {
  double seconds = static_cast<double>(r.duration_us) / 1e6;
  std::string failed = error_type_of(r);
  if (r.kind == RecordKind::Exchange) return add_exchange(r, seconds);
  if (r.kind == RecordKind::Turn)
    return observe(
        series(agent_duration_, kSeconds, Labels().add("gen_ai_agent_name", r.agent).add("error_type", failed).take()),
        kSeconds, seconds);
  // Refused names are the model's own making: any number of them.
  bool refused = r.error_code == Code::PermissionDenied && !r.error.empty();
  observe(series(tool_duration_, kSeconds,
                 Labels().add("gen_ai_tool_name", refused ? "refused" : r.tool).add("error_type", failed).take()),
          kSeconds, seconds);
}

void Metrics::add(const std::vector<RecordPtr>& records) {
  std::lock_guard lock(mutex_);
  for (auto& r : records) add_one(*r);
}

void Metrics::count_ledger_skipped(uint64_t n) {
  std::lock_guard lock(mutex_);
  ledger_skipped_ += n;
}

uint64_t Metrics::ledger_skipped() {
  std::lock_guard lock(mutex_);
  return ledger_skipped_;
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
