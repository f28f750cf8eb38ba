#include "json/writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace sl::json {
namespace {

TEST(Writer, WritesWhatTheDocumentWriterWrites) {
  std::string out;
  Writer w(out);
  w.begin_object().member("a", 1).member("b", "x\"\n").member("c", true).member("d", 0.5);
  w.key("e")
      .begin_array()
      .value(int64_t{-7})
      .begin_object()
      .end_object()
      .begin_array()
      .end_array()
      .value("y")
      .end_array();
  w.member("f", Value(Object{{"g", nullptr}})).member("h", std::string("z")).end_object();
  EXPECT_EQ(out, R"({"a":1,"b":"x\"\n","c":true,"d":0.5,"e":[-7,{},[],"y"],"f":{"g":null},"h":"z"})");
  auto parsed = parse(out);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(dump(*parsed), out);
}

TEST(Writer, NumbersThatJsonCannotHoldAreNull) {
  std::string out;
  Writer(out).begin_array().value(std::numeric_limits<double>::infinity()).value(UINT64_MAX).end_array();
  EXPECT_EQ(out, "[null,18446744073709551615]");
}

}  // namespace
}  // namespace sl::json
