#include "providers/anthropic/anthropic.h"

namespace sl::providers {

using namespace llm;
using json::Node;

namespace {

class Anthropic : public Provider {
 public:
  std::string_view name() const override { return "anthropic"; }
  std::string_view genai_name() const override { return "anthropic"; }
  std::string_view dialect() const override { return "anthropic-messages"; }
  ProviderEndpoint endpoint() const override { return {"api.anthropic.com", 443, true, "/v1/messages"}; }
  CredentialForm credential(std::string_view key) const override {
    if (key.starts_with("sk-ant-oat")) return {"Authorization", "Bearer "};  // an OAuth token
    return {"x-api-key", ""};
  }
  std::array<FixedHeader, 2> headers(std::string_view api_version) const override {
    return {{{"anthropic-version", api_version.empty() ? "2023-06-01" : api_version}, {}}};
  }
  Result<std::string> encode(ChatRequest& request) const override { return encode_request(request); }
  Result<ChatResponse> decode(const Node& body) const override { return decode_response(body); }
  std::unique_ptr<StreamDecoder> stream(bool value_by_tool) const override {
    return make_stream_decoder(value_by_tool);
  }

  ProviderError decode_error(int status, std::string_view body) const override {
    ProviderError out{status == 529 ? 503 : status, "", ""};
    json::Document document;
    if (auto parsed = document.read(body)) {
      out.type = json::str(**parsed, "error", "type");
      out.message = json::str(**parsed, "error", "message");
    }
    if (!out.status) out.status = status_of(out.type);
    return out;
  }

  void tap(const Node& body, bool, AnswerFacts& facts) const override {
    const Node* message = json::find(body, "message");  // message_start
    const Node& at = message ? *message : body;
    if (auto model = json::str(at, "model"); !model.empty()) facts.model = model;
    if (auto reason = json::str(at, "stop_reason"); !reason.empty()) facts.finish = reason;
    if (auto reason = json::str(body, "delta", "stop_reason"); !reason.empty()) facts.finish = reason;
    if (auto* usage = json::find(at, "usage"); usage && usage->is_object()) {
      Usage u = usage_of(*usage);
      if (!json::find(*usage, "input_tokens")) u.input = facts.usage.input, u.cached = facts.usage.cached;
      facts.usage = u;
      facts.has_usage = true;
    }
  }
};

}  // namespace

const Provider& anthropic() {
  static const Anthropic provider;
  return provider;
}

}  // namespace sl::providers
