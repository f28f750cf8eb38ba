#include "observe/record/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "observe/record/trace_context.h"

namespace sl::observe {
namespace {

using ::testing::MatchesRegex;

TEST(Record, LeavesWhatIsAbsentOut) {
  Record r;
  r.start_unix_us = 1'700'000'000'123'456;
  r.duration_us = 5;
  r.trace_id = "t";
  r.span_id = "s";
  EXPECT_EQ(json::dump(to_json(r)),
            R"({"kind":"exchange","start":"2023-11-14T22:13:20.123Z","start_us":1700000000123456,"duration_us":5,)"
            R"("trace_id":"t","span_id":"s"})");
}

TEST(Record, NamesItsKinds) {
  Record r;
  r.kind = RecordKind::Turn;
  EXPECT_EQ(json::str(to_json(r), "kind"), "turn");
  r.kind = RecordKind::ToolCall;
  r.tool = "k8s_get_resources";
  EXPECT_EQ(json::str(to_json(r), "kind"), "tool_call");
  EXPECT_EQ(json::str(to_json(r), "gen_ai.tool.name"), "k8s_get_resources");
}

TEST(Record, HasTheKeysOfTheAccessLog) {
  Record r;
  r.gateway = "ns/g";
  r.listener = "http";
  r.route = "ns/r";
  r.endpoint = "h:1";
  r.src_addr = "1.2.3.4:5";
  r.method = "POST";
  r.host = "h";
  r.path = "/p";
  r.version = "HTTP/1.1";
  r.status = 200;
  r.protocol = "llm";
  r.genai_operation = "chat";
  r.genai_provider = "openai";
  r.request_model = "a";
  r.response_model = "b";
  r.agent = "ns/a";
  r.session = "se";
  r.turn = "tu";
  r.auth = "secret";
  r.tls_version = "TLSv1.3";
  r.tls_peer = "p";
  r.policy = "po";
  r.tool_call = "ca";
  json::Value v = to_json(r);
  for (auto [key, want] : {std::pair{"gateway", "ns/g"},
                           {"listener", "http"},
                           {"route", "ns/r"},
                           {"endpoint", "h:1"},
                           {"src.addr", "1.2.3.4:5"},
                           {"http.method", "POST"},
                           {"http.host", "h"},
                           {"http.path", "/p"},
                           {"http.version", "HTTP/1.1"},
                           {"protocol", "llm"},
                           {"gen_ai.operation.name", "chat"},
                           {"gen_ai.provider.name", "openai"},
                           {"gen_ai.request.model", "a"},
                           {"gen_ai.response.model", "b"},
                           {"agent", "ns/a"},
                           {"session", "se"},
                           {"turn", "tu"},
                           {"auth", "secret"},
                           {"tls.version", "TLSv1.3"},
                           {"tls.peer", "p"},
                           {"policy", "po"},
                           {"gen_ai.tool.call.id", "ca"}})
    EXPECT_EQ(json::str(v, key), want) << key;
  EXPECT_EQ(json::num(v, 0, "http.status"), 200);
}

TEST(Record, TokensOnlyWhenTheModelToldThem) {
  Record r;
  r.input_tokens = 5;
  EXPECT_EQ(json::find(to_json(r), "gen_ai.usage.input_tokens"), nullptr);
  r.has_usage = true;
  r.output_tokens = 0;
  EXPECT_EQ(json::num(to_json(r), -1, "gen_ai.usage.input_tokens"), 5);
  EXPECT_EQ(json::num(to_json(r), -1, "gen_ai.usage.output_tokens"), 0);
  EXPECT_EQ(json::find(to_json(r), "gen_ai.usage.cache_read.input_tokens"), nullptr);
}

TEST(Record, TellsWhatWasDroppedAndStreamed) {
  Record r;
  r.dropped = {"n", "seed"};
  r.streamed = true;
  EXPECT_EQ(json::dump(*json::find(to_json(r), "dropped")), R"(["n","seed"])");
  EXPECT_EQ(json::dump(*json::find(to_json(r), "streamed")), "true");
}

constexpr std::string_view kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceParent, ReadsTheHeader) {
  auto p = parse_traceparent(kParent);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(p->span_id, "00f067aa0ba902b7");
}

TEST(TraceParent, TellsWhetherItIsSampled) {
  for (auto [flags, sampled] : {std::pair{"01", true}, {"00", false}, {"02", false}, {"03", true}, {"ff", true}})
    EXPECT_EQ(parse_traceparent(std::string(kParent.substr(0, 53)) + flags)->sampled, sampled) << flags;
}

TEST(TraceParent, AFutureVersionMayGoOn) {
  EXPECT_TRUE(parse_traceparent("cc" + std::string(kParent.substr(2)) + "-what-comes-later"));
}

TEST(TraceParent, RefusesAnythingElse) {
  for (auto bad : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                   "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                   "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                   "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                   "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
                   "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                   "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                   "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
                   " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"})
    EXPECT_FALSE(parse_traceparent(bad)) << bad;
}

TEST(TraceParent, NewIdsAreValidAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    std::string trace = new_trace_id(), span = new_span_id();
    EXPECT_THAT(trace, MatchesRegex("[0-9a-f]{32}"));
    EXPECT_THAT(span, MatchesRegex("[0-9a-f]{16}"));
    EXPECT_TRUE(parse_traceparent("00-" + trace + "-" + span + "-01"));
    seen.insert(trace);
    seen.insert(span);
  }
  EXPECT_EQ(seen.size(), 200u);
}

}  // namespace
}  // namespace sl::observe
