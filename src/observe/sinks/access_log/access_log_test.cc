#include "observe/sinks/access_log/access_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/strings.h"

namespace sl::observe {
namespace {

using std::string_view_literals::operator""sv;
using ::testing::HasSubstr;

Record call() {
  Record r;
  r.gateway = "kgateway-system/agentgateway";
  r.listener = "http";
  r.route = "kgateway-system/anthropic";
  r.endpoint = "api.anthropic.com:443";
  r.src_addr = "127.0.0.1:34812";
  r.method = "POST";
  r.host = "localhost:8080";
  r.path = "/v1/chat/completions";
  r.version = "HTTP/1.1";
  r.status = 200;
  r.protocol = "llm";
  r.genai_operation = "chat";
  r.genai_provider = "anthropic";
  r.request_model = "a-model";
  r.response_model = "a-model-1";
  r.has_usage = true;
  r.input_tokens = 20;
  r.output_tokens = 305;
  r.duration_us = 4'797'999;
  return r;
}

TEST(AccessLog, KeysStandInTheirOrder) {
  EXPECT_EQ(access_line(call()),
            "request gateway=kgateway-system/agentgateway listener=http route=kgateway-system/anthropic "
            "endpoint=api.anthropic.com:443 src.addr=127.0.0.1:34812 http.method=POST http.host=localhost:8080 "
            "http.path=/v1/chat/completions http.version=HTTP/1.1 http.status=200 protocol=llm "
            "gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=a-model "
            "gen_ai.response.model=a-model-1 gen_ai.usage.input_tokens=20 gen_ai.usage.output_tokens=305 "
            "duration=4797ms");
}

TEST(AccessLog, OurAgentsAreNamedBehindTheModel) {
  Record r = call();
  r.agent = "kagent/helper";
  r.session = "s";
  r.turn = "t";
  r.auth = "secret";
  r.tls_version = "TLSv1.3";
  r.tls_peer = "api.anthropic.com";
  r.policy = "allow";
  EXPECT_THAT(access_line(r),
              HasSubstr("gen_ai.usage.output_tokens=305 agent=kagent/helper session=s turn=t auth=secret "
                        "tls.version=TLSv1.3 tls.peer=api.anthropic.com policy=allow duration=4797ms"));
}

TEST(AccessLog, OthersKeepTheShapeOfTheReference) {
  Record r = call();
  r.auth = "caller";
  r.tls_version = "TLSv1.3";
  r.session = "s";
  EXPECT_EQ(access_line(r), access_line(call()));
}

TEST(AccessLog, LeavesAbsentKeysOut) {
  Record r;
  r.gateway = "n/g";
  EXPECT_EQ(access_line(r), "request gateway=n/g duration=0ms");
  r.has_usage = true;
  EXPECT_THAT(access_line(r), HasSubstr("gen_ai.usage.input_tokens=0 gen_ai.usage.output_tokens=0"));
}

std::string field(std::string_view value) {
  std::string out;
  append_field("k", value, out);
  return out;
}

TEST(AccessLog, PlainValuesStandAsTheyAre) {
  EXPECT_EQ(field("a/b?c&d:1-_.~%20"), " k=a/b?c&d:1-_.~%20");
  EXPECT_EQ(field(""), "");
}

TEST(AccessLog, OtherValuesAreQuotedAndEscaped) {
  EXPECT_EQ(field("a b"), R"( k="a b")");
  EXPECT_EQ(field("a=b"), R"( k="a=b")");
  EXPECT_EQ(field("a\"b"), R"( k="a\"b")");
  EXPECT_EQ(field("a\\b"), R"( k="a\\b")");
  EXPECT_EQ(field("a\nb"), R"( k="a\x0ab")");
  EXPECT_EQ(field("\r\t\x1b[31m\x7f"), R"( k="\x0d\x09\x1b[31m\x7f")");
  EXPECT_EQ(field("a\0b"sv), R"( k="a\x00b")");
  EXPECT_EQ(field("é"), " k=\"é\"");
}

TEST(AccessLog, AClientForgesNeitherFieldNorLine) {
  Record r = call();
  r.path = "/x http.status=500\nrequest gateway=forged\" agent=x/y";
  r.host = "h\" auth=\"secret";
  r.request_model = "m\r\nforged";
  std::string line = access_line(r);
  for (char c : line) EXPECT_GE(static_cast<unsigned char>(c), ' ');
  EXPECT_THAT(line, HasSubstr(R"(http.host="h\" auth=\"secret" )"));
  EXPECT_THAT(line, HasSubstr(R"(http.path="/x http.status=500\x0arequest gateway=forged\" agent=x/y" )"));
  EXPECT_THAT(line, HasSubstr(R"(gen_ai.request.model="m\x0d\x0aforged")"));
}

TEST(AccessLog, WhatATerminalWouldObeyIsEscaped) {
  std::string out;
  append_field("k",
               "a\xC2\x9B"
               "31m\xC3\xA4",
               out);
  EXPECT_EQ(out, " k=\"a\\x9b31m\xC3\xA4\"");
  out.clear();
  append_field("k", "a\xFF", out);
  EXPECT_TRUE(valid_utf8(out)) << out;
}

}  // namespace
}  // namespace sl::observe
