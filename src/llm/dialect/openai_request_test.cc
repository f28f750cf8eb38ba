// Requests of the OpenAI chat API as the canonical chat.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "json/test_kit.h"
#include "llm/dialect/openai_chat.h"

namespace sl::llm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

using json::test::kept;
using json::test::must;

Result<ChatRequest> decode(std::string_view text) {
  return decode_openai_chat(kept(text));
}
// A request with one message "hi" and these further members.
Result<ChatRequest> with(const std::string& members) {
  return decode(R"({"model":"m","messages":[{"role":"user","content":"hi"}],)" + members + "}");
}
Result<ChatRequest> messages_of(const std::string& list) {
  return decode(R"({"model":"m","messages":[)" + list + "]}");
}
ChatRequest messages(const std::string& list) {
  auto r = messages_of(list);
  EXPECT_TRUE(r) << r.error().message;
  return r ? std::move(*r) : ChatRequest();
}
std::string error_of(const Result<ChatRequest>& r) {
  if (r) return "none";
  EXPECT_EQ(r.error().code, Code::InvalidArgument);
  return r.error().message;
}

// One part in a few words.
std::string words(const Part& p) {
  switch (p.kind) {
    case PartKind::Text:
      return fmt::format("text:{}", p.text);
    case PartKind::Image:
      return p.url.empty() ? fmt::format("image:{},{}", p.media_type, p.data) : fmt::format("image:{}", p.url);
    case PartKind::Document:
      return fmt::format("document:{},{},{}", p.title, p.media_type, p.data);
    case PartKind::ToolCall:
      return fmt::format("call:{},{},{}", p.id, p.name, p.arguments);
    case PartKind::ToolResult: {
      std::string out = fmt::format("result:{}", p.id);
      for (auto& c : p.content) out += "," + words(c);
      return out;
    }
    case PartKind::Thinking:
      return fmt::format("thinking:{},{}", p.text, p.signature);
    case PartKind::RedactedThinking:
      return fmt::format("redacted:{}", p.text);
  }
  return "?";
}
std::vector<std::string> words(const std::vector<Part>& parts) {
  std::vector<std::string> out;
  for (auto& p : parts) out.push_back(words(p));
  return out;
}
// Messages as "user" or "assistant" and their parts.
std::vector<std::string> turns(const ChatRequest& r) {
  std::vector<std::string> out;
  for (auto& m : r.messages) {
    std::string line = m.role == Role::User ? "user" : "assistant";
    for (auto& p : m.parts) line += " " + words(p);
    out.push_back(line);
  }
  return out;
}

TEST(OpenAiRequest, ReadsTheScalars) {
  auto r = with(
      R"("temperature":0.5,"top_p":1,"top_k":40,"user":"u1","reasoning_effort":"low","service_tier":"auto",
         "stream":true,"stream_options":{"include_usage":true},"parallel_tool_calls":false,"max_tokens":7)");
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->model, "m");
  EXPECT_EQ(r->temperature, 0.5);
  EXPECT_EQ(r->top_p, 1.0);
  EXPECT_EQ(r->top_k, 40);
  EXPECT_EQ(r->user, "u1");
  EXPECT_EQ(r->reasoning_effort, "low");
  EXPECT_EQ(r->service_tier, "auto");
  EXPECT_TRUE(r->stream);
  EXPECT_TRUE(r->include_usage);
  EXPECT_EQ(r->parallel_tool_calls, false);
  EXPECT_EQ(r->max_tokens, 7);
  EXPECT_THAT(r->dropped, IsEmpty());
}

TEST(OpenAiRequest, WhatIsAbsentOrNullStaysUnset) {
  auto r = with(
      R"("temperature":null,"top_p":null,"max_tokens":null,"max_completion_tokens":null,"stop":null,"stream":null,
         "stream_options":null,"user":null,"tools":null,"tool_choice":null,"response_format":null,"n":null,
         "parallel_tool_calls":null,"modalities":null,"seed":null,"logit_bias":null)");
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_FALSE(r->temperature || r->top_p || r->top_k || r->max_tokens || r->parallel_tool_calls);
  EXPECT_FALSE(r->stream || r->include_usage);
  EXPECT_EQ(r->tool_choice, ToolChoice::Unset);
  EXPECT_THAT(r->stop, IsEmpty());
  EXPECT_THAT(r->tools, IsEmpty());
  EXPECT_EQ(r->schema, nullptr);
  EXPECT_THAT(r->dropped, IsEmpty());
}

TEST(OpenAiRequest, TheNewerNameOfTheTokenLimitWins) {
  EXPECT_EQ(with(R"("max_tokens":5,"max_completion_tokens":9)")->max_tokens, 9);
  EXPECT_EQ(with(R"("max_tokens":5)")->max_tokens, 5);
  EXPECT_EQ(with(R"("max_tokens":5,"max_completion_tokens":null)")->max_tokens, 5);
  EXPECT_EQ(with(R"("max_completion_tokens":9.0)")->max_tokens, 9);
}

TEST(OpenAiRequest, AWrongKindIsRefusedByTheClientsName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("temperature":"hot")", "temperature: must be a number"},
      {R"("top_p":[])", "top_p: must be a number"},
      {R"("max_tokens":"5")", "max_tokens: must be a number"},
      {R"("max_tokens":1.5)", "max_tokens: must be an integer"},
      {R"("max_completion_tokens":true)", "max_completion_tokens: must be a number"},
      {R"("max_tokens":0)", "max_tokens: must be at least 1"},
      {R"("max_tokens":-3)", "max_tokens: must be at least 1"},
      {R"("user":3)", "user: must be a string"},
      {R"("reasoning_effort":{})", "reasoning_effort: must be a string"},
      {R"("service_tier":1)", "service_tier: must be a string"},
      {R"("stop":5)", "stop: must be a string or an array of strings"},
      {R"("stop":["a",5])", "stop: must be a string or an array of strings"},
      {R"("n":2)", "n: "},
      {R"("thinking":"on")", "thinking: must be an object"},
      {R"("stream_options":true)", "stream_options: must be an object"},
      {R"("modalities":["text","audio"])", "modalities: "},
      {R"("tools":{})", "tools: must be an array"},
      {R"("response_format":{"type":"xml"})", "response_format.type: "},
      {R"("response_format":{"type":"json_schema"})", "response_format.json_schema.schema: "},
  };
  for (auto& [members, message] : cases) EXPECT_THAT(error_of(with(members)), StartsWith(message)) << members;
  EXPECT_THAT(error_of(decode(R"({"model":7,"messages":[]})")), StartsWith("model: must be a string"));
}

TEST(OpenAiRequest, TheBodyIsAnObjectWithMessages) {
  for (auto* text : {"[]", "3", "null", R"("x")"})
    EXPECT_THAT(error_of(decode(text)), HasSubstr("must be a JSON object")) << text;
  for (auto* text : {R"({"model":"m"})", R"({"messages":null})", R"({"messages":"hi"})", R"({"messages":{}})"})
    EXPECT_THAT(error_of(decode(text)), StartsWith("messages: must be an array")) << text;
  EXPECT_THAT(error_of(decode(R"({"messages":[{"role":"user"},{"role":"narrator","content":"x"}]})")),
              StartsWith("messages[1].role: \"narrator\""));
  EXPECT_THAT(error_of(decode(R"({"messages":[{"content":"x"}]})")), StartsWith("messages[0].role: "));
  EXPECT_THAT(error_of(decode(R"({"messages":["x"]})")), StartsWith("messages[0].role: "));
}

TEST(OpenAiRequest, StopIsOneWordOrMany) {
  EXPECT_THAT(with(R"("stop":"END")")->stop, ElementsAre("END"));
  EXPECT_THAT(with(R"("stop":["a","b c"])")->stop, ElementsAre("a", "b c"));
  EXPECT_THAT(with(R"("stop":[])")->stop, IsEmpty());
}

TEST(OpenAiRequest, SystemMessagesAreHoistedInOrder) {
  auto r = messages(R"({"role":"system","content":"one"},{"role":"user","content":"hi"},
      {"role":"developer","content":[{"type":"text","text":"two","cache_control":{"type":"ephemeral"}},
                                      {"type":"text","text":"three"}]},
      {"role":"assistant","content":"yes"},{"role":"system","content":"four"})");
  EXPECT_THAT(words(r.system), ElementsAre("text:one", "text:two", "text:three", "text:four"));
  EXPECT_EQ(json::str(*r.system[1].cache_control, "type"), "ephemeral");
  EXPECT_EQ(r.system[0].cache_control, nullptr);
  EXPECT_THAT(turns(r), ElementsAre("user text:hi", "assistant text:yes"));
}

TEST(OpenAiRequest, ContentIsTextPartsOrNothing) {
  EXPECT_THAT(turns(messages(R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})")),
              ElementsAre("user text:a text:b"));
  EXPECT_THAT(turns(messages(R"({"role":"user","content":""},{"role":"user","content":null},{"role":"user"},
                                {"role":"user","content":[{"type":"text","text":""}]})")),
              IsEmpty());
  EXPECT_THAT(error_of(decode(R"({"messages":[{"role":"user","content":5}]})")),
              StartsWith("messages[0].content: must be a string or an array"));
  EXPECT_THAT(error_of(decode(R"({"messages":[{"role":"user","content":[{"type":"video","text":"x"}]}]})")),
              StartsWith("messages[0].content[0].type: \"video\""));
}

TEST(OpenAiRequest, NeighboursOfOneRoleBecomeOneMessage) {
  auto r = messages(R"({"role":"user","content":"a"},{"role":"user","content":"b"},
      {"role":"assistant","content":"c"},{"role":"assistant","content":"d"},{"role":"user","content":"e"})");
  EXPECT_THAT(turns(r), ElementsAre("user text:a text:b", "assistant text:c text:d", "user text:e"));
}

TEST(OpenAiRequest, ToolResultsStandFirstAndTogether) {
  auto r = messages(R"({"role":"assistant","tool_calls":[
        {"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},
        {"id":"c2","type":"function","function":{"name":"g","arguments":"{\"a\":1}"}}]},
      {"role":"tool","tool_call_id":"c1","content":"one"},{"role":"user","content":"and"},
      {"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"t"},{"type":"text","text":"wo"}]},
      {"role":"user","content":"go on"})");
  EXPECT_THAT(turns(r), ElementsAre(R"(assistant call:c1,f,{} call:c2,g,{"a":1})",
                                    "user result:c1,text:one result:c2,text:t,text:wo text:and text:go on"));
}

TEST(OpenAiRequest, AToolResultNeedsItsCall) {
  EXPECT_THAT(error_of(decode(R"({"messages":[{"role":"tool","content":"x"}]})")),
              StartsWith("messages[0].tool_call_id: is required"));
  EXPECT_THAT(turns(messages(R"({"role":"tool","tool_call_id":"c","content":""})")), ElementsAre("user result:c"));
}

TEST(OpenAiRequest, ArgumentsAreAnObject) {
  auto call = [](std::string_view arguments) {
    std::string text = R"({"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",)"
                       R"("function":{"name":"f","arguments":)";
    json::write_string(arguments, text);
    return decode(R"({"messages":[{"role":"user","content":"x"},)" + text + "}}]}]}");
  };
  for (auto* empty : {"", " ", "{}", "\n{}\t"})
    EXPECT_THAT(turns(*call(empty)), ElementsAre("user text:x", "assistant call:c,f,{}")) << empty;
  // As they were written, to the last digit.
  constexpr char kWritten[] = R"({"b":1.50, "a":[null,"\u00e9"],"n":12345678901234567890123})";
  EXPECT_THAT(turns(*call(kWritten)).back(), HasSubstr(kWritten));
  for (auto* broken : {"{", "nonsense", "{}{}", "[1]", "\"text\"", "5", "null"})
    EXPECT_THAT(error_of(call(broken)), StartsWith("messages[1].tool_calls[0].function.arguments: ")) << broken;
}

TEST(OpenAiRequest, CallsAndTextOfOneTurnKeepTheirOrder) {
  auto r = messages(R"({"role":"assistant","content":"I look","refusal":null,"tool_calls":[
      {"id":"c","type":"function","function":{"name":"f"}}]})");
  EXPECT_THAT(turns(r), ElementsAre("assistant text:I look call:c,f,{}"));
  EXPECT_THAT(turns(messages(R"({"role":"assistant","content":null,"refusal":"no"})")),
              ElementsAre("assistant text:no"));
  EXPECT_THAT(turns(messages(R"({"role":"assistant","content":[{"type":"refusal","refusal":"never"}]})")),
              ElementsAre("assistant text:never"));
}

// The form before tool_calls: a call without an id, answered by the next "function" message.
TEST(OpenAiRequest, OldFunctionCallsArePairedWithTheirResults) {
  auto r = messages(R"({"role":"user","content":"x"},
      {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{\"a\":1}"}},
      {"role":"function","name":"f","content":"r1"},
      {"role":"assistant","content":null,"function_call":{"name":"f","arguments":""}},
      {"role":"function","name":"f","content":"r2"})");
  ASSERT_EQ(r.messages.size(), 5u);
  auto& first = r.messages[1].parts.at(0);
  auto& second = r.messages[3].parts.at(0);
  EXPECT_EQ(first.kind, PartKind::ToolCall);
  EXPECT_FALSE(first.id.empty());
  EXPECT_NE(first.id, second.id);
  EXPECT_EQ(r.messages[2].parts.at(0).id, first.id);
  EXPECT_EQ(r.messages[4].parts.at(0).id, second.id);
  EXPECT_EQ(words(r.messages[4].parts[0].content.at(0)), "text:r2");
}

TEST(OpenAiRequest, ImagesAreDataOrAddress) {
  auto r = messages(R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}},
      {"type":"image_url","image_url":{"url":"https://example.com/a.png","detail":"auto"}},
      {"type":"image_url","image_url":"http://example.com/b.png"},{"type":"text","text":"what?"}]})");
  EXPECT_THAT(turns(r), ElementsAre("user image:image/png,aGk= image:https://example.com/a.png "
                                    "image:http://example.com/b.png text:what?"));
  EXPECT_THAT(r.dropped, IsEmpty());
  EXPECT_THAT(messages(R"({"role":"user","content":[{"type":"image_url","image_url":
      {"url":"https://e.com/a.png","detail":"high"}}]})")
                  .dropped,
              ElementsAre("image_url.detail"));
  for (auto* url : {"", "ftp://e.com/x", "data:image/png,plain", "data:image/png;base64", "file:///etc/passwd"}) {
    std::string text = R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":)";
    json::write_string(url, text);
    EXPECT_THAT(error_of(decode(text + "}}]}]}")), StartsWith("messages[0].content[0].image_url.url: ")) << url;
  }
}

TEST(OpenAiRequest, FilesAreDataOnly) {
  auto r = messages(R"({"role":"user","content":[{"type":"file","file":
      {"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERg=="}}]})");
  EXPECT_THAT(turns(r), ElementsAre("user document:a.pdf,application/pdf,JVBERg=="));
  EXPECT_THAT(
      error_of(decode(R"({"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f-1"}}]}]})")),
      StartsWith("messages[0].content[0].file.file_id: "));
  EXPECT_THAT(error_of(decode(R"({"messages":[{"role":"user","content":[{"type":"file","file":{}}]}]})")),
              StartsWith("messages[0].content[0].file.file_data: "));
  EXPECT_THAT(error_of(decode(R"({"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":
      {"data":"aGk=","format":"wav"}}]}]})")),
              StartsWith("messages[0].content[0].type: \"input_audio\""));
}

TEST(OpenAiRequest, SignedReasoningComesFirstInItsTurn) {
  auto r = messages(R"({"role":"assistant","content":"so","reasoning_content":"hm","reasoning_signature":"sig",
      "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]})");
  EXPECT_THAT(turns(r), ElementsAre("assistant thinking:hm,sig text:so call:c,f,{}"));
  r = messages(R"({"role":"assistant","content":"so","reasoning_content":"ignored","reasoning_signature":"ignored",
      "thinking_blocks":[{"type":"redacted_thinking","data":"zzz"},{"type":"thinking","thinking":"a","signature":"s"}]})");
  EXPECT_THAT(turns(r), ElementsAre("assistant redacted:zzz thinking:a,s text:so"));
}

TEST(OpenAiRequest, ReasoningWithoutASignatureIsDroppedByName) {
  auto r = messages(R"({"role":"user","content":"q"},{"role":"assistant","content":"so","reasoning_content":"hm"})");
  EXPECT_THAT(turns(r), ElementsAre("user text:q", "assistant text:so"));
  EXPECT_THAT(r.dropped, ElementsAre("messages[1].reasoning_content"));
}

TEST(OpenAiRequest, OfVeryManyUnknownFieldsTheFirstAreNamed) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += R"("x)" + std::to_string(i) + R"(":1,)";
  auto r = with(many + R"("top_p":1)");
  ASSERT_TRUE(r) << r.error().message;
  ASSERT_EQ(r->dropped.size(), 101u);
  EXPECT_EQ(r->dropped.front(), "x0");
  EXPECT_EQ(r->dropped.back(), "and more");
}

TEST(OpenAiRequest, ToolsKeepTheirSchemas) {
  auto r = with(R"("tools":[{"type":"function","cache_control":{"type":"ephemeral"},"function":{"name":"f",
      "description":"d","parameters":{"type":"object","properties":{"z":{},"a":{}}}}},
      {"type":"function","function":{"name":"g","strict":true}}])");
  ASSERT_TRUE(r) << r.error().message;
  ASSERT_EQ(r->tools.size(), 2u);
  EXPECT_EQ(r->tools[0].name, "f");
  EXPECT_EQ(r->tools[0].description, "d");
  EXPECT_EQ(r->tools[0].parameters->text(), R"({"type":"object","properties":{"z":{},"a":{}}})");
  EXPECT_EQ(json::str(*r->tools[0].cache_control, "type"), "ephemeral");
  EXPECT_EQ(r->tools[1].parameters, nullptr);
  EXPECT_THAT(r->dropped, ElementsAre("tools[1].function.strict"));
  EXPECT_THAT(error_of(with(R"("tools":[{"type":"function","function":{"name":"f"}},{"type":"function"}])")),
              StartsWith("tools[1].function.name: is required"));
  EXPECT_THAT(error_of(with(R"("tools":[{"type":"custom","custom":{"name":"f"}}])")),
              StartsWith("tools[0].type: \"custom\""));
  EXPECT_THAT(error_of(with(R"("tools":[{"function":{"name":"f"}}])")), StartsWith("tools[0].type: "));
}

TEST(OpenAiRequest, OldFunctionsAreTools) {
  auto r = with(R"("functions":[{"name":"f","parameters":{"type":"object"}}],"function_call":{"name":"f"})");
  ASSERT_TRUE(r) << r.error().message;
  ASSERT_EQ(r->tools.size(), 1u);
  EXPECT_EQ(r->tools[0].name, "f");
  EXPECT_EQ(r->tool_choice, ToolChoice::Named);
  EXPECT_EQ(r->tool_choice_name, "f");
  EXPECT_THAT(r->dropped, IsEmpty());
  EXPECT_EQ(with(R"("functions":[{"name":"f"}],"function_call":"none")")->tool_choice, ToolChoice::None);
}

TEST(OpenAiRequest, ToolChoices) {
  const std::string tools = R"("tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":)";
  EXPECT_EQ(with(tools + R"("auto")")->tool_choice, ToolChoice::Auto);
  EXPECT_EQ(with(tools + R"("required")")->tool_choice, ToolChoice::Required);
  EXPECT_EQ(with(tools + R"("none")")->tool_choice, ToolChoice::None);
  auto named = with(tools + R"({"type":"function","function":{"name":"f"}})");
  EXPECT_EQ(named->tool_choice, ToolChoice::Named);
  EXPECT_EQ(named->tool_choice_name, "f");
  EXPECT_THAT(error_of(with(tools + R"("any")")), StartsWith("tool_choice: \"any\""));
  EXPECT_THAT(error_of(with(tools + "{}")), StartsWith("tool_choice: needs a function name"));
}

TEST(OpenAiRequest, AllowedToolsLeaveTheOthersOut) {
  auto r = with(R"("tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],
      "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[
      {"type":"function","function":{"name":"g"}}]}})");
  ASSERT_TRUE(r) << r.error().message;
  ASSERT_EQ(r->tools.size(), 1u);
  EXPECT_EQ(r->tools[0].name, "g");
  EXPECT_EQ(r->tool_choice, ToolChoice::Required);
}

TEST(OpenAiRequest, AChoiceNeedsToolsToChooseFrom) {
  const std::string tools = R"("tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":)";
  const std::string allowed = R"({"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"g"}]})";
  EXPECT_THAT(error_of(with(tools + allowed)), StartsWith("tool_choice.allowed_tools.tools: \"g\" is not among"));
  EXPECT_THAT(error_of(with(R"("tool_choice":"required")")), StartsWith("tool_choice: asks for a tool call"));
  EXPECT_EQ(with(R"("tool_choice":"auto")")->tool_choice, ToolChoice::Auto);
}

TEST(OpenAiRequest, OldFunctionsGetOneCallAtATime) {
  EXPECT_EQ(with(R"("functions":[{"name":"f"}])")->parallel_tool_calls, false);
  EXPECT_EQ(error_of(with(R"("functions":{"a":1})")), "functions: must be an array");
}

TEST(OpenAiRequest, BlankTextGoesWithTheTextBesideIt) {
  EXPECT_THAT(messages(R"({"role":"user","content":" \n\t"},{"role":"user","content":"x"})").messages[0].parts,
              ::testing::SizeIs(1));
  auto r = messages(R"({"role":"user","content":[{"type":"text","text":" "},{"type":"text","text":"a"},
      {"type":"text","text":"\n\n"},{"type":"text","text":""},{"type":"text","text":"b"}]},
      {"role":"assistant","content":"\n\n","tool_calls":[{"id":"c","type":"function","function":{"name":"f"}}]})");
  ASSERT_EQ(r.messages.size(), 2u);
  ASSERT_EQ(r.messages[0].parts.size(), 2u);
  EXPECT_THAT(words(r.messages[0].parts[0]), "text:a\n\n");
  EXPECT_THAT(words(r.messages[0].parts[1]), "text:b");
  EXPECT_THAT(words(r.messages[1].parts[0]), "call:c,f,{}");
}

TEST(OpenAiRequest, ResponseFormats) {
  auto r = with(R"("response_format":{"type":"json_schema","json_schema":{"name":"s","strict":true,
      "schema":{"type":"object","properties":{"a":{"type":"string"}}}}})");
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->schema_name, "s");
  EXPECT_EQ(json::str(*r->schema, "type"), "object");
  EXPECT_EQ(with(R"("response_format":{"type":"text"})")->schema, nullptr);
  EXPECT_THAT(with(R"("response_format":{"type":"text"})")->dropped, IsEmpty());
  EXPECT_THAT(with(R"("response_format":{"type":"json_object"})")->dropped, ElementsAre("response_format"));
}

TEST(OpenAiRequest, WhatCannotBeHeldIsNamed) {
  auto r = with(
      R"("seed":5,"logprobs":true,"top_logprobs":3,"presence_penalty":0.5,"frequency_penalty":-1,
         "logit_bias":{"50256":-100},"store":true,"x_new":"y","prediction":{"type":"content"},
         "web_search_options":{})");
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_THAT(r->dropped,
              UnorderedElementsAre("seed", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty",
                                   "logit_bias", "store", "x_new", "prediction", "web_search_options"));
}

TEST(OpenAiRequest, WhatStandsInsideAndIsNotReadIsNamedByPlace) {
  auto r = decode(R"({"model":"m","stream_options":{"include_usage":true,"include_obfuscation":false,"x":null},
      "tools":[{"type":"function","hint":1,"function":{"name":"f","examples":[]}}],
      "response_format":{"type":"json_schema","odd":1,"json_schema":{"name":"n","strict":true,"description":"d",
        "schema":{"type":"object"},"z":2}},
      "messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y","alt":"a"}},
        {"type":"file","file":{"file_data":"data:application/pdf;base64,AA==","filename":"f","mime":"m"}}]},
       {"role":"assistant","tool_calls":[{"id":"c","index":0,"type":"function","extra_content":{},
         "function":{"name":"f","arguments":"{}","parsed":{}}}]},{"role":"tool","tool_call_id":"c","content":"r"}]})");
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_THAT(r->dropped,
              UnorderedElementsAre("stream_options.include_obfuscation", "tools[0].hint", "tools[0].function.examples",
                                   "response_format.odd", "response_format.json_schema.description",
                                   "response_format.json_schema.z", "messages[0].content[0].image_url.alt",
                                   "messages[0].content[1].file.mime", "messages[1].tool_calls[0].extra_content",
                                   "messages[1].tool_calls[0].function.parsed"));
  EXPECT_TRUE(r->schema_strict);
}

TEST(OpenAiRequest, TheCacheMarkOfATurnIsOnItsLastPartOrNamed) {
  auto r = messages(R"({"role":"assistant","content":"a","cache_control":{"type":"ephemeral"},
      "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
      {"role":"tool","tool_call_id":"c","content":"r"},
      {"role":"assistant","content":"","cache_control":{"type":"ephemeral"}})");
  ASSERT_EQ(r.messages[0].parts.size(), 2u);
  EXPECT_EQ(r.messages[0].parts[0].cache_control, nullptr);
  EXPECT_NE(r.messages[0].parts[1].cache_control, nullptr);
  EXPECT_THAT(r.dropped, ElementsAre("messages[2].cache_control"));
}

TEST(OpenAiRequest, ACallNeedsAnId) {
  EXPECT_THAT(
      error_of(messages_of(R"({"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f"}}]})")),
      StartsWith("messages[0].tool_calls[0].id: is required"));
}

TEST(OpenAiRequest, DefaultsSaidAloudAreNotDropped) {
  auto r = with(
      R"("presence_penalty":0,"frequency_penalty":0.0,"logprobs":false,"store":false,"logit_bias":{},"metadata":{},
         "n":1,"modalities":["text"],"seed":null)");
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_THAT(r->dropped, IsEmpty());
}

TEST(OpenAiRequest, ANameOfTheSpeakerIsDroppedByPlace) {
  EXPECT_THAT(messages(R"({"role":"user","content":"a"},{"role":"user","name":"eve","content":"b"})").dropped,
              ElementsAre("messages[1].name"));
}

TEST(OpenAiRequest, CacheMarksStayOnTheirParts) {
  auto r = messages(R"({"role":"user","content":[{"type":"text","text":"a"},
      {"type":"text","text":"b","cache_control":{"type":"ephemeral","ttl":"1h"}}]},
      {"role":"tool","tool_call_id":"c","content":"r","cache_control":{"type":"ephemeral"}})");
  ASSERT_EQ(r.messages.size(), 1u);
  auto& parts = r.messages[0].parts;
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(json::str(*parts[0].cache_control, "type"), "ephemeral");  // the result, moved to the front
  EXPECT_EQ(parts[1].cache_control, nullptr);
  EXPECT_EQ(json::str(*parts[2].cache_control, "ttl"), "1h");
}

TEST(OpenAiRequestNumbers, OutOfRangeAndUnknownWordsAreRefused) {
  for (auto body :
       {R"({"model":"m","messages":[],"max_tokens":1.1e31})", R"({"model":"m","messages":[],"top_k":-1e300})"}) {
    auto r = openai_chat().decode(kept(body));
    ASSERT_FALSE(r) << body;
    EXPECT_NE(r.error().message.find("is out of range"), std::string::npos) << r.error().message;
  }
  for (auto value : {"-0.5", "2.1"})
    EXPECT_EQ(error_of(with(fmt::format(R"("temperature":{})", value))), "temperature: must be between 0 and 2");
  auto effort = openai_chat().decode(kept(R"({"model":"m","messages":[],"reasoning_effort":"banana"})"));
  ASSERT_FALSE(effort);
  EXPECT_NE(effort.error().message.find("banana"), std::string::npos);
}

TEST(OpenAiRequest, ArgumentsGivenAsAnObjectAreTakenToo) {
  auto r = messages(R"({"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":{"a":1}}}]})");
  EXPECT_THAT(turns(r), ElementsAre(R"(assistant call:c,f,{"a":1})"));
  EXPECT_THAT(error_of(decode(R"({"messages":[{"role":"assistant","tool_calls":[
                  {"id":"c","function":{"name":"f","arguments":[1]}}]}]})")),
              StartsWith("messages[0].tool_calls[0].function.arguments: must be a JSON object as a string"));
  EXPECT_THAT(error_of(decode(R"({"messages":[{"role":"assistant","tool_calls":[
                  {"id":"c","type":"custom","custom":{"name":"f","input":"x"}}]}]})")),
              StartsWith("messages[0].tool_calls[0].type: \"custom\" cannot be sent"));
}

TEST(OpenAiRequest, NothingOfAMessageIsLostInSilence) {
  auto r = messages(R"({"role":"system","content":"s","name":"n","cache_control":{"type":"ephemeral"}},
      {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],
       "cache_control":{"type":"ephemeral"}},
      {"role":"assistant","content":"c","audio":{"id":"x"},"annotations":[],"refusal":null},
      {"role":"tool","tool_call_id":"t","name":"f","content":"r"})");
  EXPECT_THAT(r.dropped, ElementsAre("messages[0].name", "messages[2].audio"));
  EXPECT_NE(r.system[0].cache_control, nullptr);
  EXPECT_EQ(r.messages[0].parts[0].cache_control, nullptr);
  EXPECT_NE(r.messages[0].parts[1].cache_control, nullptr);
  EXPECT_THAT(error_of(decode(R"({"messages":[{"role":"user","content":[{"type":"text","text":5}]}]})")),
              StartsWith("messages[0].content[0].text: "));
  EXPECT_THAT(error_of(with(R"("tools":[{"type":"function","function":{"name":"f","parameters":"x"}}])")),
              StartsWith("tools[0].function.parameters: must be a JSON Schema object"));
}

TEST(OpenAiRequestScalars, ErrorsNameTheFieldThatWasSent) {
  EXPECT_THAT(error_of(with(R"("max_completion_tokens":0,"max_tokens":5)")), StartsWith("max_completion_tokens: "));
  EXPECT_THAT(error_of(with(R"("max_tokens":0)")), StartsWith("max_tokens: "));
  EXPECT_THAT(error_of(with(R"("top_p":1.5)")), StartsWith("top_p: "));
  EXPECT_THAT(error_of(with(R"("stream":"yes")")), StartsWith("stream: must be true or false"));
  EXPECT_THAT(error_of(with(R"("tool_choice":{"type":"function","function":{"name":"f"}})")),
              HasSubstr("\"f\" is not among the tools"));
}

TEST(OpenAiRequestFiles, TextMustBeBase64OfUtf8) {
  for (std::string_view data : {"aIVsbG8=", "!!!"}) {
    auto r = messages_of(R"({"role":"user","content":[{"type":"file","file":{"file_data":"data:text/plain;base64,)" +
                         std::string(data) + R"("}}]})");
    ASSERT_FALSE(r) << data;
    EXPECT_NE(r.error().message.find("file_data"), std::string::npos) << r.error().message;
  }
}

}  // namespace
}  // namespace sl::llm
