#include "observe/metrics/metrics.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <regex>
#include <set>
#include <string>

#include "base/strings.h"

namespace sl::observe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Record exchange(int status = 200, int64_t duration_us = 30'000) {
  Record r;
  r.gateway = "ns/g";
  r.route = "ns/r";
  r.protocol = "http";
  r.status = status;
  r.duration_us = duration_us;
  return r;
}

Record model_call() {
  Record r = exchange();
  r.protocol = "llm";
  r.genai_operation = "chat";
  r.genai_provider = "openai";
  r.request_model = "m";
  r.response_model = "m-1";
  r.has_usage = true;
  r.input_tokens = 20;
  r.output_tokens = 3;
  return r;
}

class MetricsText : public ::testing::Test {
 protected:
  void add(const Record& r, int times = 1) {
    std::vector<RecordPtr> all;
    for (int i = 0; i < times; ++i) all.push_back(std::make_unique<Record>(r));
    metrics.add(all);
  }
  // The number behind a series, as text; "none" when there is no such line.
  std::string value(const std::string& series) {
    for (auto line : split(text = metrics.text(), '\n'))
      if (line.starts_with(series + " ")) return std::string(line.substr(series.size() + 1));
    return "none";
  }
  Metrics metrics;
  std::string text;
};

TEST_F(MetricsText, CountsRequestsByWhereAndStatus) {
  add(exchange(200), 2);
  add(exchange(404));
  EXPECT_EQ(value(R"(sightline_requests_total{gateway="ns/g",route="ns/r",status="200",protocol="http"})"), "2");
  EXPECT_EQ(value(R"(sightline_requests_total{gateway="ns/g",route="ns/r",status="404",protocol="http"})"), "1");
}

TEST_F(MetricsText, DurationsFallIntoCumulativeBuckets) {
  add(exchange(200, 10'000));
  add(exchange(200, 30'000));
  add(exchange(200, 100'000'000));
  const std::string name = "sightline_request_duration_seconds", labels = R"(gateway="ns/g",protocol="http")";
  auto bucket = [&](const std::string& le) { return value(name + "_bucket{" + labels + ",le=\"" + le + "\"}"); };
  EXPECT_EQ(bucket("0.01"), "1");
  EXPECT_EQ(bucket("0.02"), "1");
  EXPECT_EQ(bucket("0.04"), "2");
  EXPECT_EQ(bucket("81.92"), "2");
  EXPECT_EQ(bucket("+Inf"), "3");
  EXPECT_EQ(value(name + "_count{" + labels + "}"), "3");
  EXPECT_NEAR(std::stod(value(name + "_sum{" + labels + "}")), 100.04, 1e-9);
}

TEST_F(MetricsText, ModelCallsHaveTheNamesOfGenAi) {
  add(model_call());
  const std::string labels = R"(gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="m",)"
                             R"(gen_ai_response_model="m-1")";
  EXPECT_EQ(value("gen_ai_client_operation_duration_seconds_count{" + labels + "}"), "1");
  EXPECT_EQ(value("gen_ai_client_token_usage_sum{" + labels + R"(,gen_ai_token_type="input"})"), "20");
  EXPECT_EQ(value("gen_ai_client_token_usage_sum{" + labels + R"(,gen_ai_token_type="output"})"), "3");
  EXPECT_EQ(value("gen_ai_client_token_usage_bucket{" + labels + R"(,gen_ai_token_type="input",le="16"})"), "0");
  EXPECT_EQ(value("gen_ai_client_token_usage_bucket{" + labels + R"(,gen_ai_token_type="input",le="64"})"), "1");
}

TEST_F(MetricsText, EachAgentHasTokensOfItsOwn) {
  add(model_call());
  for (auto agent : {"ns/a", "ns/b", "ns/b"}) {
    Record r = model_call();
    r.agent = agent;
    add(r);
  }
  std::string text = metrics.text();
  for (auto [agent, sum] : {std::pair{"ns/a", "20"}, {"ns/b", "40"}})
    EXPECT_THAT(text,
                HasSubstr(fmt::format("gen_ai_agent_name=\"{}\",gen_ai_token_type=\"input\"}} {}\n", agent, sum)));
  EXPECT_THAT(text, HasSubstr("gen_ai_response_model=\"m-1\",gen_ai_token_type=\"input\"} 20\n"));
}

TEST_F(MetricsText, AModelCallPastEveryGatewayIsNoRequestOfOne) {
  Record r = model_call();
  r.gateway.clear();
  r.agent = "ns/a";
  r.direct = true;
  add(r);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("sightline_requests_total{")));
  EXPECT_THAT(metrics.text(), HasSubstr("gen_ai_agent_name=\"ns/a\",gen_ai_token_type=\"input\"} 20\n"));
}

TEST_F(MetricsText, FailedModelCallsAreApart) {
  Record r = model_call();
  r.status = 429;
  r.has_usage = false;
  add(r);
  EXPECT_THAT(metrics.text(), HasSubstr(R"(gen_ai_response_model="m-1",error_type="429"} 1)"));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("gen_ai_client_token_usage_count{")));
}

TEST_F(MetricsText, PlainTrafficIsNoModelCall) {
  add(exchange());
  EXPECT_THAT(metrics.text(), Not(HasSubstr("gen_ai_client_operation_duration_seconds_count{")));
}

TEST_F(MetricsText, TheFirstChunkOfStreamedAnswers) {
  Record r = model_call();
  r.first_byte_us = 500'000;
  add(r);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("time_to_first_chunk_seconds_count{")));
  r.streamed = true;
  add(r);
  EXPECT_THAT(metrics.text(), HasSubstr("gen_ai_client_operation_time_to_first_chunk_seconds_sum{"));
  EXPECT_THAT(text = metrics.text(), HasSubstr("} 0.5\n"));
}

TEST_F(MetricsText, TurnsAndToolsAreNoRequests) {
  Record turn;
  turn.kind = RecordKind::Turn;
  turn.agent = "ns/a";
  add(turn);
  turn.failed(Code::UpstreamClosed, "broke");
  turn.failed(Code::Internal, "and so did the rest");
  add(turn);
  Record tool;
  tool.kind = RecordKind::ToolCall;
  tool.tool = "t";
  add(tool);
  EXPECT_EQ(value(R"(gen_ai_invoke_agent_duration_seconds_count{gen_ai_agent_name="ns/a"})"), "1");
  EXPECT_EQ(
      value(R"(gen_ai_invoke_agent_duration_seconds_count{gen_ai_agent_name="ns/a",error_type="upstream_closed"})"),
      "1");
  EXPECT_EQ(value(R"(gen_ai_execute_tool_duration_seconds_count{gen_ai_tool_name="t"})"), "1");
  EXPECT_THAT(metrics.text(), Not(HasSubstr("sightline_requests_total{")));
}

TEST_F(MetricsText, ValuesCannotBreakOut) {
  Record r = model_call();
  r.request_model = "a\"} 1\nforged{x=\"\\";
  add(r);
  EXPECT_THAT(metrics.text(), HasSubstr(R"(gen_ai_request_model="a\"} 1\nforged{x=\"\\",)"));
  for (auto line : split(text = metrics.text(), '\n')) EXPECT_FALSE(line.starts_with("forged"));
}

TEST_F(MetricsText, EveryLineIsOfTheFormat) {
  add(exchange());
  Record r = model_call();
  r.streamed = true;
  r.first_byte_us = 1;
  r.request_model = "q\"\\\n";
  add(r);
  add(Record{});
  static const std::regex sample(
      R"re([a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="([^"\\]|\\["\\n])*"(,[a-z_]+="([^"\\]|\\["\\n])*")*)?\})? [0-9.e+-]+)re");
  static const std::regex comment("# (HELP|TYPE) ([a-z_]+) .+");
  std::set<std::string> typed, helped;
  std::smatch m;
  text = metrics.text();
  ASSERT_TRUE(text.ends_with('\n'));
  text.pop_back();
  for (auto view : split(text, '\n')) {
    std::string line(view);
    if (std::regex_match(line, m, comment)) {
      EXPECT_TRUE((m[1] == "TYPE" ? typed : helped).insert(m[2]).second) << line;
      continue;
    }
    ASSERT_TRUE(std::regex_match(line, sample)) << line;
    std::string name = line.substr(0, line.find_first_of("{ "));
    for (auto suffix : {"_bucket", "_sum", "_count"})
      if (name.ends_with(suffix) && typed.contains(name.substr(0, name.size() - std::strlen(suffix))))
        name.resize(name.size() - std::strlen(suffix));
    EXPECT_TRUE(typed.contains(name)) << line;
  }
  EXPECT_EQ(typed, helped);
}

TEST_F(MetricsText, NoSeriesStandsTwice) {
  add(exchange());
  add(model_call(), 3);
  std::set<std::string> seen;
  text = metrics.text();
  for (auto line : split(text, '\n'))
    if (!line.empty()) {
      EXPECT_TRUE(seen.insert(std::string(line.substr(0, line.rfind(' ')))).second) << line;
    }
}

TEST_F(MetricsText, SeriesAreBounded) {
  for (size_t i = 0; i < kSeriesMax + 50; ++i) {
    Record r = exchange();
    r.route = "ns/r" + std::to_string(i);
    add(r);
  }
  EXPECT_EQ(value(R"(sightline_requests_total{series="other"})"), "50");
  EXPECT_EQ(value(R"(sightline_requests_total{gateway="ns/g",route="ns/r0",status="200",protocol="http"})"), "1");
  Record r = exchange();
  r.route = "ns/r0";
  add(r);
  EXPECT_EQ(value(R"(sightline_requests_total{gateway="ns/g",route="ns/r0",status="200",protocol="http"})"), "2");
}

TEST_F(MetricsText, HistogramsAreBounded) {
  for (size_t i = 0; i < kSeriesMax + 50; ++i) {
    Record r = model_call();
    r.has_usage = false;
    r.agent = "a" + std::to_string(i);
    add(r);
  }
  EXPECT_EQ(value(R"(gen_ai_client_operation_duration_seconds_count{series="other"})"), "50");
}

TEST_F(MetricsText, TokensOfDifferentTypesAreNeverInOneSum) {
  for (size_t i = 0; i < kSeriesMax; ++i) {
    Record r = model_call();
    r.agent = "a" + std::to_string(i);
    add(r);
  }
  EXPECT_EQ(value(R"(gen_ai_client_token_usage_sum{series="other",gen_ai_token_type="input"})"), "20000");
  EXPECT_EQ(value(R"(gen_ai_client_token_usage_sum{series="other",gen_ai_token_type="output"})"), "3000");
}

TEST_F(MetricsText, ModelsThatNeverAnsweredHaveNoName) {
  Record made_up = model_call();
  made_up.status = 404;
  made_up.has_usage = false;
  made_up.response_model.clear();
  made_up.failed(Code::UpstreamProtocol, "the provider answered 404");
  for (int i = 0; i < 50; ++i) {
    made_up.request_model = "made-up-" + std::to_string(i);
    add(made_up);
  }
  const std::string kFailed =
      R"(gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name="chat",gen_ai_provider_name="openai",)"
      R"(gen_ai_request_model="unknown",error_type="404"})";
  EXPECT_EQ(value(kFailed), "50");
  EXPECT_THAT(text, Not(HasSubstr("made-up")));
  add(model_call());
  Record failed = made_up;
  failed.request_model = "m";  // which has answered
  add(failed);
  EXPECT_EQ(value(kFailed), "50");
  EXPECT_THAT(text, HasSubstr(R"(gen_ai_request_model="m",error_type="404")"));
}

TEST_F(MetricsText, ModelNamesAreBoundedInNumberAndLength) {
  for (size_t i = 0; i < kModelsMax + 50; ++i) {
    Record r = model_call();
    r.request_model = "m" + std::to_string(i);
    add(r);
  }
  Record r = model_call();
  r.request_model = r.response_model = std::string(kModelNameMax + 1, 'x');
  add(r);
  EXPECT_THAT(metrics.text(), Not(HasSubstr("xxx")));
  EXPECT_EQ(value(R"(gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name="chat",)"
                  R"(gen_ai_provider_name="openai",gen_ai_request_model="unknown",gen_ai_response_model="m-1"})"),
            "50");
}

TEST_F(MetricsText, CountsWhatTheLedgerSkipped) {
  EXPECT_EQ(value("sightline_ledger_skipped_total"), "0");
  metrics.count_ledger_skipped(3);
  metrics.count_ledger_skipped(4);
  EXPECT_EQ(value("sightline_ledger_skipped_total"), "7");
  EXPECT_THAT(metrics.text(), HasSubstr("sightline_build_info{version=\""));
}

}  // namespace
}  // namespace sl::observe
