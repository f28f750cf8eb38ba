// The canonical chat as an Anthropic Messages request: what the wire needs, whatever the client's format was.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "json/test_kit.h"
#include "providers/anthropic/anthropic.h"

namespace sl::providers {
namespace {

using namespace llm;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kOld[] = "claude-3-5-sonnet-20241022";
constexpr char kThinking[] = "claude-sonnet-4-20250514";  // thinking by budget
constexpr char kNew[] = "claude-opus-4-6";                // adaptive thinking, output format

using json::test::kept;
using json::test::must;
Part part(PartKind kind, std::string_view text) {
  Part p;
  p.kind = kind;
  p.text = text;
  return p;
}
Part call(std::string_view id, std::string_view name) {
  Part p;
  p.kind = PartKind::ToolCall;
  p.id = id;
  p.name = name;
  p.arguments = "{}";
  return p;
}
Tool tool(std::string_view name) {
  Tool t;
  t.name = name;
  return t;
}
ChatRequest request(std::string_view model = kOld) {
  ChatRequest r;
  r.model = model;
  r.messages.push_back({Role::User, {part(PartKind::Text, "hi")}});
  return r;
}
// The body written, which must be what the provider can read: model, limit and messages at least.
json::Value encoded(ChatRequest& r) {
  auto text = encode_request(r);
  EXPECT_TRUE(text) << text.error().message;
  json::Value v = text ? must(*text) : json::Value(json::Object{});
  for (auto* key : {"model", "max_tokens", "messages"}) EXPECT_TRUE(json::find(v, key)) << key;
  return v;
}
std::string at(const json::Value& body, std::string_view key) {
  auto* m = json::find(body, key);
  return m ? json::dump(*m) : "absent";
}

TEST(AnthropicRequest, TheClientsOwnBudgetFitsUnderTheDefaultLimit) {
  auto r = request(kThinking);
  auto& own = kept(R"({"type":"enabled","budget_tokens":20000})");
  r.thinking = &own;
  auto body = encoded(r);
  EXPECT_EQ(at(body, "max_tokens"), "36384");
  EXPECT_EQ(json::num(body, 0, "thinking", "budget_tokens"), 20000);
  r.max_tokens = 100;  // the client's own contradiction is the provider's to refuse
  EXPECT_EQ(at(encoded(r), "max_tokens"), "100");
}

TEST(AnthropicRequest, ModelsThatDoNotReasonAreNotAskedTo) {
  for (auto model : {"claude-3-5-haiku-latest", "claude-3-opus-20240229", "claude-2.1"}) {
    auto r = request(model);
    r.reasoning_effort = "low";
    EXPECT_EQ(at(encoded(r), "thinking"), "absent") << model;
    EXPECT_THAT(r.dropped, ElementsAre("reasoning_effort")) << model;
  }
  for (auto model : {"claude-3-7-sonnet-latest", "claude-sonnet-4-20250514", "somebody-elses"}) {
    auto r = request(model);
    r.reasoning_effort = "low";
    EXPECT_NE(at(encoded(r), "thinking"), "absent") << model;
    EXPECT_THAT(r.dropped, IsEmpty()) << model;
  }
}

TEST(AnthropicRequest, TheForcedToolHasAnObjectSchema) {
  auto r = request();
  auto& schema = kept(R"({"properties":{"a":{"type":"string"}}})");
  r.schema = &schema;
  auto body = encoded(r);
  EXPECT_EQ(json::dump(*json::find((*json::arr(body, "tools"))[0], "input_schema")),
            R"({"type":"object","properties":{"a":{"type":"string"}}})");
  EXPECT_TRUE(r.value_by_tool);
  r = request(kNew);
  r.schema = &schema;
  encoded(r);
  EXPECT_FALSE(r.value_by_tool);
}

TEST(AnthropicRequest, TheLimitIsAlwaysThere) {
  auto r = request();
  EXPECT_EQ(at(encoded(r), "max_tokens"), "4096");
  r = request(kNew);
  EXPECT_EQ(at(encoded(r), "max_tokens"), "16384");
  r.max_tokens = 5;
  EXPECT_EQ(at(encoded(r), "max_tokens"), "5");
}

TEST(AnthropicRequest, NeedsAModelAndAMessage) {
  auto r = request("");
  ASSERT_FALSE(encode_request(r));
  EXPECT_EQ(encode_request(r).error().message, "model: is required");
  r = request();
  r.messages.clear();
  r.system = {part(PartKind::Text, "only this")};
  ASSERT_FALSE(encode_request(r));
  EXPECT_EQ(encode_request(r).error().code, Code::InvalidArgument);
}

TEST(AnthropicRequest, SystemStaysInBlocks) {
  auto r = request();
  EXPECT_EQ(at(encoded(r), "system"), "absent");
  r.system = {part(PartKind::Text, "a"), part(PartKind::Text, "b")};
  r.system[0].cache_control = &kept(R"({"type":"ephemeral"})");
  EXPECT_EQ(at(encoded(r), "system"),
            R"([{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b"}])");
  r.system.push_back(part(PartKind::Image, ""));
  EXPECT_FALSE(encode_request(r));
}

TEST(AnthropicRequest, BlocksOfEveryKind) {
  auto r = request();
  Part image = part(PartKind::Image, ""), by_url = part(PartKind::Image, ""), pdf = part(PartKind::Document, ""),
       text = part(PartKind::Document, "");
  image.media_type = "image/png";
  image.data = "aGk=";
  by_url.url = "https://example.com/a.png";
  pdf.media_type = "application/pdf";
  pdf.data = "JVBERg==";
  pdf.title = "a.pdf";
  text.media_type = "text/plain";
  text.data = "aGk=";
  r.messages = {{Role::User, {image, by_url, pdf, text}},
                {Role::Assistant,
                 {part(PartKind::Thinking, "hm"), part(PartKind::RedactedThinking, "zz"), part(PartKind::Text, "so"),
                  call("c1", "f")}}};
  r.messages[1].parts[0].signature = "sig";
  EXPECT_EQ(at(encoded(r), "messages"),
            R"([{"role":"user","content":[)"
            R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}},)"
            R"({"type":"image","source":{"type":"url","url":"https://example.com/a.png"}},)"
            R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERg=="},)"
            R"("title":"a.pdf"},)"
            R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"hi"}}]},)"
            R"({"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"},)"
            R"({"type":"redacted_thinking","data":"zz"},{"type":"text","text":"so"},)"
            R"({"type":"tool_use","id":"c1","name":"f","input":{}}]}])");
}

TEST(AnthropicRequest, ToolIdsAreWhatTheProviderTakes) {
  auto r = request();
  Part result;
  result.kind = PartKind::ToolResult;
  result.id = "functions.get:0";
  r.messages.push_back({Role::Assistant, {call("functions.get:0", "get"), call("toolu_01-A", "f")}});
  r.messages.push_back({Role::User, {result}});
  auto body = encoded(r);
  EXPECT_THAT(at(body, "messages"), HasSubstr(R"("id":"functions_get_0")"));
  EXPECT_THAT(at(body, "messages"), HasSubstr(R"("id":"toolu_01-A")"));
  EXPECT_THAT(at(body, "messages"), HasSubstr(R"("tool_use_id":"functions_get_0")"));
}

TEST(AnthropicSchema, AForcedToolTakesAnObjectAlone) {
  auto r = request();
  r.schema = &kept(R"({"type":"array","items":{"type":"string"}})");
  auto done = encode_request(r);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::InvalidArgument);
  EXPECT_THAT(done.error().message, HasSubstr("response_format.json_schema.schema.type"));
  auto newer = request(kNew);
  newer.schema = r.schema;
  EXPECT_TRUE(encode_request(newer)) << "its own format takes any";
}

TEST(AnthropicRequest, ToolResultsHoldTextOrBlocks) {
  auto r = request();
  Part one = part(PartKind::ToolResult, ""), none = one, two = one, marked = one;
  one.id = "1";
  one.content = {part(PartKind::Text, "ok")};
  none.id = "2";
  two.id = "3";
  two.content = {part(PartKind::Text, "a"), part(PartKind::Text, "b")};
  two.is_error = true;
  marked.id = "4";
  marked.content = {part(PartKind::Text, "c")};
  marked.cache_control = &kept(R"({"type":"ephemeral"})");
  r.messages = {{Role::User, {one, none, two, marked}}};
  EXPECT_EQ(json::dump(encoded(r).at("messages").at(0).at("content")),
            R"([{"type":"tool_result","tool_use_id":"1","content":"ok"},)"
            R"({"type":"tool_result","tool_use_id":"2","content":""},)"
            R"({"type":"tool_result","tool_use_id":"3","content":[{"type":"text","text":"a"},)"
            R"({"type":"text","text":"b"}],"is_error":true},)"
            R"({"type":"tool_result","tool_use_id":"4","content":"c","cache_control":{"type":"ephemeral"}}])");
}

TEST(AnthropicRequest, EveryToolHasAnObjectSchema) {
  auto r = request();
  r.tools = {tool("none"), tool("empty"), tool("typeless"), tool("whole")};
  r.tools[1].parameters = &kept("{}");
  r.tools[2].parameters = &kept(R"({"properties":{"a":{}}})");
  r.tools[3].parameters = &kept(R"({"type":"object","properties":{"z":{},"a":{}},"required":["a"]})");
  r.tools[3].description = "d";
  r.tools[3].cache_control = &kept(R"({"type":"ephemeral"})");
  auto tools = encoded(r).at("tools");
  EXPECT_EQ(json::dump(tools.at(0)), R"({"name":"none","input_schema":{"type":"object","properties":{}}})");
  EXPECT_EQ(json::dump(tools.at(1)), R"({"name":"empty","input_schema":{"type":"object","properties":{}}})");
  EXPECT_EQ(json::str(tools.at(2), "input_schema", "type"), "object");
  EXPECT_TRUE(json::find(tools.at(2), "input_schema", "properties", "a"));
  EXPECT_EQ(json::dump(tools.at(3)),
            R"({"name":"whole","description":"d","input_schema":{"type":"object","properties":{"z":{},"a":{}},)"
            R"("required":["a"]},"cache_control":{"type":"ephemeral"}})");
}

TEST(AnthropicRequest, ToolChoices) {
  auto choice = [](ToolChoice c, std::optional<bool> parallel) {
    auto r = request();
    r.tools = {tool("f")};
    r.tool_choice = c;
    r.tool_choice_name = c == ToolChoice::Named ? "f" : "";
    r.parallel_tool_calls = parallel;
    return at(encoded(r), "tool_choice");
  };
  EXPECT_EQ(choice(ToolChoice::Unset, {}), "absent");
  EXPECT_EQ(choice(ToolChoice::Auto, {}), R"({"type":"auto"})");
  EXPECT_EQ(choice(ToolChoice::Required, {}), R"({"type":"any"})");
  EXPECT_EQ(choice(ToolChoice::None, {}), R"({"type":"none"})");
  EXPECT_EQ(choice(ToolChoice::Named, {}), R"({"type":"tool","name":"f"})");
  EXPECT_EQ(choice(ToolChoice::Unset, true), "absent");
  EXPECT_EQ(choice(ToolChoice::Unset, false), R"({"type":"auto","disable_parallel_tool_use":true})");
  EXPECT_EQ(choice(ToolChoice::Required, false), R"({"type":"any","disable_parallel_tool_use":true})");
  EXPECT_EQ(choice(ToolChoice::Named, false), R"({"type":"tool","name":"f","disable_parallel_tool_use":true})");
  EXPECT_EQ(choice(ToolChoice::None, false), R"({"type":"none"})");
}

TEST(AnthropicRequest, WithoutToolsThereIsNoChoice) {
  for (auto c : {ToolChoice::Auto, ToolChoice::Required, ToolChoice::None}) {
    auto r = request();
    r.tool_choice = c;
    r.parallel_tool_calls = false;
    auto body = encoded(r);
    EXPECT_EQ(at(body, "tool_choice"), "absent");
    EXPECT_EQ(at(body, "tools"), "absent");
  }
}

TEST(AnthropicRequest, TemperatureIsClampedAndSaysSo) {
  auto r = request();
  r.temperature = 0.3;
  EXPECT_EQ(at(encoded(r), "temperature"), "0.3");
  EXPECT_THAT(r.dropped, IsEmpty());
  r.temperature = 1.7;
  EXPECT_EQ(at(encoded(r), "temperature"), "1");
  EXPECT_THAT(r.dropped, ElementsAre("temperature"));
}

TEST(AnthropicRequest, BlankStopSequencesAreLeftOut) {
  auto r = request();
  r.stop = {"END", "", " \n", "x y"};
  EXPECT_EQ(at(encoded(r), "stop_sequences"), R"(["END","x y"])");
  EXPECT_THAT(r.dropped, ElementsAre("stop"));
  r.stop = {"\t"};
  EXPECT_EQ(at(encoded(r), "stop_sequences"), "absent");
}

TEST(AnthropicRequest, TheUserAndTheTierAreCarried) {
  auto r = request();
  r.user = "u1";
  r.service_tier = "default";
  auto body = encoded(r);
  EXPECT_EQ(at(body, "metadata"), R"({"user_id":"u1"})");
  EXPECT_EQ(at(body, "service_tier"), R"("standard_only")");
  r.service_tier = "flex";
  EXPECT_EQ(at(encoded(r), "service_tier"), "absent");
  EXPECT_THAT(r.dropped, ElementsAre("service_tier"));
}

TEST(AnthropicRequest, StreamIsOnlySaidWhenWanted) {
  auto r = request();
  EXPECT_EQ(at(encoded(r), "stream"), "absent");
  r.stream = r.include_usage = true;
  auto body = encoded(r);
  EXPECT_EQ(at(body, "stream"), "true");
  EXPECT_EQ(at(body, "stream_options"), "absent");
}

TEST(AnthropicThinking, BudgetsFollowTheEffort) {
  const std::vector<std::pair<std::string, int64_t>> cases = {{"minimal", 1024}, {"low", 1024},   {"medium", 2048},
                                                              {"high", 4096},    {"xhigh", 8192}, {"max", 16384}};
  for (auto& [effort, budget] : cases) {
    auto r = request(kThinking);
    r.reasoning_effort = effort;
    r.max_tokens = 32'000;
    auto body = encoded(r);
    EXPECT_EQ(json::str(body, "thinking", "type"), "enabled") << effort;
    EXPECT_EQ(json::num(body, 0, "thinking", "budget_tokens"), budget) << effort;
  }
}

TEST(AnthropicThinking, TheBudgetIsBelowTheLimitOrNothing) {
  for (int64_t limit : {1025, 1026, 2048, 4096, 20'000}) {
    auto r = request(kThinking);
    r.reasoning_effort = "max";
    r.max_tokens = limit;
    int64_t budget = json::num(encoded(r), 0, "thinking", "budget_tokens");
    EXPECT_GE(budget, 1024) << limit;
    EXPECT_LT(budget, limit);
  }
  for (int64_t limit : {1, 1023, 1024}) {
    auto r = request(kThinking);
    r.reasoning_effort = "high";
    r.max_tokens = limit;
    EXPECT_EQ(at(encoded(r), "thinking"), "absent") << limit;
    EXPECT_THAT(r.dropped, ElementsAre("reasoning_effort"));
  }
}

TEST(AnthropicThinking, LeavesRoomForTheAnswer) {
  auto r = request(kThinking);
  r.reasoning_effort = "max";
  r.max_tokens = 2000;
  EXPECT_EQ(json::num(encoded(r), 0, "thinking", "budget_tokens"), 1500);
}

TEST(AnthropicRequest, NewModelsTakeOneOfTemperatureAndTopP) {
  for (auto [model, top_p, sent, dropped] :
       {std::tuple{kNew, 0.5, "absent", true}, {kNew, 1.0, "absent", false}, {kThinking, 0.5, "0.5", false}}) {
    auto r = request(model);
    r.temperature = 0.5;
    r.top_p = top_p;
    auto body = encoded(r);
    EXPECT_EQ(at(body, "temperature"), "0.5");
    EXPECT_EQ(at(body, "top_p"), sent);
    EXPECT_EQ(r.dropped.size(), dropped ? 1u : 0u);
  }
  auto r = request(kNew);
  r.temperature = 1;  // says nothing
  r.top_p = 0.5;
  auto body = encoded(r);
  EXPECT_EQ(at(body, "temperature") + " " + at(body, "top_p"), "absent 0.5");
  EXPECT_THAT(r.dropped, IsEmpty());
}

TEST(AnthropicThinking, NewModelsTakeAnEffort) {
  for (auto& [effort, sent] : std::vector<std::pair<std::string, std::string>>{
           {"minimal", "low"}, {"low", "low"}, {"medium", "medium"}, {"high", "high"}, {"max", "max"}}) {
    auto r = request(kNew);
    r.reasoning_effort = effort;
    auto body = encoded(r);
    EXPECT_EQ(at(body, "thinking"), R"({"type":"adaptive"})");
    EXPECT_EQ(json::str(body, "output_config", "effort"), sent);
  }
}

TEST(AnthropicThinking, NoneMeansNone) {
  for (auto* effort : {"", "none"}) {
    auto r = request(kNew);
    r.reasoning_effort = effort;
    r.temperature = 0.5;
    auto body = encoded(r);
    EXPECT_EQ(at(body, "thinking"), "absent");
    EXPECT_EQ(at(body, "temperature"), "0.5");
    EXPECT_THAT(r.dropped, IsEmpty());
  }
}

TEST(AnthropicThinking, SamplingGoesWhenItIsOn) {
  auto r = request(kThinking);
  r.reasoning_effort = "low";
  r.temperature = 0.5;
  r.top_p = 0.5;
  r.top_k = 3;
  auto body = encoded(r);
  for (auto* key : {"temperature", "top_p", "top_k"}) EXPECT_EQ(at(body, key), "absent") << key;
  EXPECT_THAT(r.dropped, ElementsAre("temperature", "top_p", "top_k"));
  r = request(kThinking);
  r.reasoning_effort = "low";
  r.temperature = 1;
  EXPECT_EQ(at(encoded(r), "temperature"), "1");
}

// With tools the last turn of the assistant must begin with signed thinking, and a forced tool forbids it.
TEST(AnthropicThinking, IsLeftOutWhereTheProviderWouldRefuseIt) {
  auto history = request(kThinking);
  history.messages.push_back({Role::Assistant, {call("c", "f")}});
  Part result = part(PartKind::ToolResult, "");
  result.id = "c";
  history.messages.push_back({Role::User, {result}});
  history.tools = {tool("f")};
  history.reasoning_effort = "low";
  EXPECT_EQ(at(encoded(history), "thinking"), "absent");
  EXPECT_THAT(history.dropped, ElementsAre("reasoning_effort"));
  auto& turn = history.messages[1].parts;
  turn.insert(turn.begin(), part(PartKind::Thinking, "hm"));
  history.dropped.clear();
  EXPECT_NE(at(encoded(history), "thinking"), "absent");
  EXPECT_THAT(history.dropped, IsEmpty());
  for (auto c : {ToolChoice::Required, ToolChoice::Named}) {
    auto forced = request(kThinking);
    forced.tools = {tool("f")};
    forced.tool_choice = c;
    forced.tool_choice_name = "f";
    forced.reasoning_effort = "low";
    EXPECT_EQ(at(encoded(forced), "thinking"), "absent");
  }
}

TEST(AnthropicThinking, TheProvidersOwnParameterGoesThrough) {
  auto r = request(kThinking);
  r.thinking = &kept(R"({"type":"enabled","budget_tokens":2000})");
  r.reasoning_effort = "max";
  EXPECT_EQ(at(encoded(r), "thinking"), R"({"type":"enabled","budget_tokens":2000})");
  r.thinking = &kept(R"({"type":"disabled"})");
  r.temperature = 0.5;
  EXPECT_EQ(at(encoded(r), "temperature"), "0.5");
}

TEST(AnthropicSchema, IsAFormatOnNewModels) {
  auto r = request(kNew);
  r.schema = &kept(R"({"type":"object","properties":{"a":{"type":"string"}}})");
  auto body = encoded(r);
  EXPECT_EQ(json::str(body, "output_config", "format", "type"), "json_schema");
  EXPECT_EQ(json::dump(body.at("output_config").at("format").at("schema")), r.schema->text());
  EXPECT_EQ(at(body, "tools"), "absent");
  EXPECT_FALSE(uses_structured_tool(r));
}

TEST(AnthropicSchema, IsAForcedToolOnOldOnes) {
  auto r = request(kOld);
  r.schema = &kept(R"({"type":"object","properties":{"a":{"type":"string"}}})");
  EXPECT_TRUE(uses_structured_tool(r));
  auto body = encoded(r);
  EXPECT_EQ(at(body, "output_config"), "absent");
  ASSERT_EQ(body.at("tools").get_array().size(), 1u);
  EXPECT_EQ(json::str(body.at("tools").at(0), "name"), kStructuredTool);
  EXPECT_EQ(json::dump(body.at("tools").at(0).at("input_schema")), r.schema->text());
  EXPECT_EQ(at(body, "tool_choice"),
            fmt::format(R"({{"type":"tool","name":"{}","disable_parallel_tool_use":true}})", kStructuredTool));
  r.tools = {tool("f")};
  EXPECT_EQ(at(encoded(r), "tool_choice"), R"({"type":"any"})");
}

TEST(AnthropicModels, TraitsFollowTheVersion) {
  struct Case {
    std::string model;
    int64_t limit;
    bool format, adaptive;
  };
  for (auto& c : std::vector<Case>{{"claude-3-haiku-20240307", 4096, false, false},
                                   {"claude-3-7-sonnet-latest", 4096, false, false},
                                   {"claude-sonnet-4-20250514", 16384, false, false},
                                   {"claude-opus-4-1", 16384, true, false},
                                   {"claude-sonnet-4-5-20250929", 16384, true, false},
                                   {"claude-haiku-4-5", 16384, true, false},
                                   {"anthropic/claude-opus-4-6", 16384, true, true},
                                   {"claude-sonnet-5", 16384, true, true},
                                   {"my-model", 4096, false, false},
                                   {"opus-", 4096, false, false},
                                   {"", 4096, false, false}}) {
    auto t = traits_of(c.model);
    EXPECT_EQ(t.default_max_tokens, c.limit) << c.model;
    EXPECT_EQ(t.output_format, c.format) << c.model;
    EXPECT_EQ(t.adaptive_thinking, c.adaptive) << c.model;
  }
}

}  // namespace
}  // namespace sl::providers
