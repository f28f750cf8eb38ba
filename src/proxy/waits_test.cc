// How long the data plane waits for whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "proxy/test_kit.h"

namespace sl::proxy {
namespace {

using namespace test_kit;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(Plane, AnUploadMayTakeLongerThanTheAnswer) {
  Backend b({answer("done")});
  options_.answer_ms = 300;
  start(spec(b.port()));
  auto s = connect();
  s.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n");
  int64_t began = monotonic_ms();
  for (int i = 0; i < 8; ++i) {
    for (int64_t until = monotonic_ms() + 100; monotonic_ms() < until;) std::this_thread::yield();
    s.send("x");
  }
  EXPECT_THAT(s.read_message(), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_GT(monotonic_ms() - began, 700);
}

TEST_F(Plane, AClientThatStopsAfterTheAnswerBeganIsNamed) {
  RawServer early([](RawSocket& s) {
    s.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    s.read_to_end();
  });
  options_.silence_ms = 300;
  start(spec(early.port()));
  auto s = connect();
  s.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_THAT(s.read_to_end(), EndsWith("half")) << "cut";
  ++asked_;
  auto r = record();
  EXPECT_EQ(Code::RequestTimeout, r.error_code) << r.error;
  EXPECT_THAT(r.error, HasSubstr("nothing of the request body came"));
}

TEST_F(Plane, AfterTheUploadTheAnswerIsWaitedForAsEver) {
  RawServer silent([](RawSocket& s) {
    while (!s.read_message().empty()) {
    }
  });
  options_.answer_ms = 300;
  start(spec(silent.port()));
  auto s = connect();
  s.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na");
  while (!silent.accepted()) std::this_thread::yield();  // the head is on its way, the body not whole
  s.send("b");
  EXPECT_THAT(s.read_message(), StartsWith("HTTP/1.1 504 "));
}

TEST_F(Plane, AClientThatStopsInItsBodyIsToldSo) {
  Backend b({answer("done")});
  options_.silence_ms = 300;
  for (bool model : {false, true}) {
    if (plane_) TearDown();
    start(model ? model_spec(b.port(), "anthropic") : spec(b.port()));
    auto s = connect();
    s.send("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    std::string got = s.read_to_end();
    EXPECT_THAT(got, StartsWith("HTTP/1.1 408 Request Timeout")) << model;
    EXPECT_THAT(got, HasSubstr("nothing of the request body came for 300 ms"));
    ++asked_;
    auto r = record();
    EXPECT_EQ(408, r.status);
    EXPECT_EQ(Code::RequestTimeout, r.error_code);
    EXPECT_THAT(r.error, Not(HasSubstr("127.0.0.1"))) << "it is no fault of the backend";
  }
}

TEST_F(Plane, TimeoutsOfARouteGoBeforeTheUsualWait) {
  for (bool of_backend : {false, true}) {
    if (plane_) TearDown();
    RawServer slow([](RawSocket& s) {
      while (!s.read_message().empty()) {
        for (int64_t until = monotonic_ms() + 700; monotonic_ms() < until;) std::this_thread::yield();
        s.send(answer("late"));
      }
    });
    options_.answer_ms = 200;
    auto patient = spec(slow.port());
    (of_backend ? patient.routes[0].rules[0].backend_timeout_ms : patient.routes[0].rules[0].request_timeout_ms) =
        of_backend ? 5'000 : route::kNoTimeoutMs;
    start(std::move(patient));
    EXPECT_THAT(get(), EndsWith("late"));
  }
}

}  // namespace
}  // namespace sl::proxy
