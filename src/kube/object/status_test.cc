#include "kube/object/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sl::kube {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Status, TheWholeObject) {
  Error error = invalid("Widget.example.com", "w", {{"FieldValueRequired", "Required value", "spec.size"}});
  EXPECT_EQ(json::dump(to_status(error, {.group = "example.com", .kind = "widgets"})),
            R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
            R"("message":"Widget.example.com \"w\" is invalid: spec.size: Required value","reason":"Invalid",)"
            R"("details":{"name":"w","group":"example.com","kind":"widgets","causes":[)"
            R"({"reason":"FieldValueRequired","message":"Required value","field":"spec.size"}]},"code":422})");
}

TEST(Status, LeavesEmptyDetailsOut) {
  EXPECT_EQ(json::find(to_status({Code::InvalidArgument, "no", {}, {}}), "details"), nullptr);
}

TEST(Status, ReasonAndCodeOfEachFailure) {
  struct Case {
    Code code;
    const char* reason;
    int status;
  };
  for (auto& c :
       {Case{Code::InvalidArgument, "BadRequest", 400}, Case{Code::Unauthenticated, "Unauthorized", 401},
        Case{Code::PermissionDenied, "Forbidden", 403}, Case{Code::NotFound, "NotFound", 404},
        Case{Code::MethodNotAllowed, "MethodNotAllowed", 405}, Case{Code::NotAcceptable, "NotAcceptable", 406},
        Case{Code::AlreadyExists, "AlreadyExists", 409}, Case{Code::Conflict, "Conflict", 409},
        Case{Code::Expired, "Expired", 410}, Case{Code::TooLarge, "RequestEntityTooLarge", 413},
        Case{Code::UnsupportedMedia, "UnsupportedMediaType", 415}, Case{Code::Invalid, "Invalid", 422},
        Case{Code::RateLimited, "TooManyRequests", 429}, Case{Code::Internal, "InternalError", 500},
        Case{Code::Io, "InternalError", 500}, Case{Code::Unsupported, "InternalError", 500},
        Case{Code::Unavailable, "ServiceUnavailable", 503}, Case{Code::Timeout, "Timeout", 504}}) {
    Value s = to_status({c.code, "m", {}, {}});
    EXPECT_EQ(json::str(s, "reason"), c.reason);
    EXPECT_EQ(json::num(s, 0, "code"), c.status) << c.reason;
  }
}

TEST(Status, WordsOfTheCommonErrors) {
  EXPECT_EQ(not_found("", "namespaces", "x").message, "namespaces \"x\" not found");
  EXPECT_EQ(not_found("a.b", "widgets", "x").message, "widgets.a.b \"x\" not found");
  EXPECT_EQ(already_exists("a.b", "widgets", "x").message, "widgets.a.b \"x\" already exists");
  EXPECT_EQ(conflict("a.b", "widgets", "x", "why").message, "Operation cannot be fulfilled on widgets.a.b \"x\": why");
  EXPECT_EQ(not_found("", "p", "x").code, Code::NotFound);
  EXPECT_EQ(already_exists("", "p", "x").code, Code::AlreadyExists);
  EXPECT_EQ(conflict("", "p", "x", "").code, Code::Conflict);
}

TEST(Status, SeveralCausesStandInBrackets) {
  Error error = invalid("Widget", "w",
                        {{"FieldValueRequired", "Required value", "spec.a"},
                         {"FieldValueInvalid", "Invalid value: \"x\": must be y", "spec.b"}});
  EXPECT_EQ(error.message,
            "Widget \"w\" is invalid: [spec.a: Required value, spec.b: Invalid value: \"x\": must be y]");
  EXPECT_EQ(error.code, Code::Invalid);
  EXPECT_EQ(error.causes.size(), 2u);
}

TEST(Status, ReadsItsOwnWritingBack) {
  for (auto code : {Code::InvalidArgument, Code::Invalid, Code::Unauthenticated, Code::PermissionDenied, Code::NotFound,
                    Code::AlreadyExists, Code::Conflict, Code::Expired, Code::TooLarge, Code::UnsupportedMedia,
                    Code::RateLimited, Code::MethodNotAllowed, Code::Internal}) {
    Error back = from_status(http_status(code), json::dump(to_status({code, "the words", {}, {}})));
    EXPECT_EQ(back.code, code) << code_name(code);
    EXPECT_EQ(back.message, "the words");
  }
}

TEST(Status, OtherAnswersKeepTheirWords) {
  EXPECT_EQ(from_status(502, "").message, "server answered 502");
  EXPECT_EQ(from_status(502, "bad gateway").message, "server answered 502: bad gateway");
  EXPECT_THAT(from_status(500, R"({"kind":"Other","message":"x"})").message,
              AllOf(HasSubstr("500"), HasSubstr("Other")));
  EXPECT_LT(from_status(500, std::string(10'000, 'x')).message.size(), 400u);
}

}  // namespace
}  // namespace sl::kube
