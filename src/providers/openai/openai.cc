#include "providers/openai/openai.h"

namespace sl::providers {

using namespace llm;
using json::Node;

namespace {

class OpenAi : public Provider {
 public:
  std::string_view name() const override { return "openai"; }
  std::string_view genai_name() const override { return "openai"; }
  std::string_view dialect() const override { return "openai-chat"; }
  ProviderEndpoint endpoint() const override { return {"api.openai.com", 443, true, "/v1/chat/completions"}; }
  CredentialForm credential(std::string_view) const override { return {"Authorization", "Bearer "}; }
  std::array<FixedHeader, 2> headers(std::string_view) const override { return {}; }

  Result<std::string> encode(ChatRequest&) const override {
    return fail(Code::Unsupported, "provider openai takes only the openai-chat format so far");
  }
  Result<ChatResponse> decode(const Node&) const override {
    return fail(Code::Unsupported, "provider openai answers only in the openai-chat format so far");
  }
  std::unique_ptr<StreamDecoder> stream(bool) const override { return nullptr; }

  ProviderError decode_error(int status, std::string_view body) const override {
    ProviderError out{status ? status : 500, "", ""};
    json::Document document;
    if (auto parsed = document.read(body)) {
      out.message = json::str(**parsed, "error", "message");
      out.type = json::str(**parsed, "error", "type");
    }
    return out;
  }

  void tap(const Node& body, bool streamed, AnswerFacts& facts) const override {
    if (auto model = json::str(body, "model"); !model.empty()) facts.model = model;
    if (auto* choices = json::arr(body, "choices"); choices && !choices->empty())
      if (auto reason = json::str(*choices->begin(), "finish_reason"); !reason.empty()) facts.finish = reason;
    auto* usage = json::find(body, "usage");
    if (!usage || !usage->is_object()) return;
    (void)streamed;  // the last usage seen is the whole one
    facts.has_usage = true;
    auto count = [usage](auto... path) { return std::max<int64_t>(0, json::num(*usage, 0, path...)); };
    facts.usage.input = count("prompt_tokens");
    facts.usage.output = count("completion_tokens");
    facts.usage.cached = count("prompt_tokens_details", "cached_tokens");
  }
};

}  // namespace

const Provider& openai() {
  static const OpenAi provider;
  return provider;
}

}  // namespace sl::providers
