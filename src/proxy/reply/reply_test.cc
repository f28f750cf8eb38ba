// Errors as answers of the data path.
#include "proxy/reply/reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sl::proxy {
namespace {

using ::testing::HasSubstr;

TEST(Reply, PlainTextForPlainRoutes) {
  Reply r = error_reply(Error{Code::NotFound, "no route here", {}}, nullptr);
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(r.body, "no route here\n");
}

TEST(Reply, TheClientsFormatForModels) {
  Reply r = error_reply(Error{Code::Unauthenticated, "no \"key\"", {}}, &llm::openai_chat());
  EXPECT_EQ(r.status, 401);
  EXPECT_EQ(r.content_type, "application/json");
  auto v = json::parse(r.body);
  ASSERT_TRUE(v) << r.body;
  EXPECT_EQ(json::str(*v, "error", "message"), "no \"key\"");
  EXPECT_EQ(json::str(*v, "error", "type"), "authentication_error");
  EXPECT_TRUE(v->at("error").at("param").is_null());
  EXPECT_TRUE(v->at("error").at("code").is_null());
}

TEST(Reply, StatusAndTypeOfEachKindOfFailure) {
  struct Case {
    Code code;
    int status;
    std::string type;
  };
  for (auto& c : std::vector<Case>{{Code::InvalidArgument, 400, "invalid_request_error"},
                                   {Code::Invalid, 400, "invalid_request_error"},
                                   {Code::PermissionDenied, 403, "permission_error"},
                                   {Code::NotFound, 404, "not_found_error"},
                                   {Code::MethodNotAllowed, 405, "invalid_request_error"},
                                   {Code::TooLarge, 413, "invalid_request_error"},
                                   {Code::RateLimited, 429, "rate_limit_error"},
                                   {Code::Internal, 500, "server_error"},
                                   {Code::UpstreamProtocol, 502, "server_error"},
                                   {Code::UpstreamClosed, 502, "server_error"},
                                   {Code::UpstreamTls, 502, "server_error"},
                                   {Code::UpstreamRefused, 503, "server_error"},
                                   {Code::Unavailable, 503, "server_error"},
                                   {Code::Timeout, 504, "server_error"}}) {
    Reply r = error_reply(Error{c.code, "m", {}}, &llm::openai_chat());
    EXPECT_EQ(r.status, c.status) << code_name(c.code);
    EXPECT_THAT(r.body, HasSubstr("\"type\":\"" + c.type + "\"")) << code_name(c.code);
    EXPECT_EQ(error_reply(Error{c.code, "m", {}}, nullptr).status, c.status) << code_name(c.code);
  }
}

}  // namespace
}  // namespace sl::proxy
