#include "codec/sse/sse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sl::sse {
namespace {

using std::string_view_literals::operator""sv;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Events as "name|data|id", then how it ended.
struct Outcome {
  std::vector<std::string> events;
  std::string error;
  bool partial = false;
  bool operator==(const Outcome&) const = default;
};
void PrintTo(const Outcome& o, std::ostream* os) {
  *os << ::testing::PrintToString(o.events) << " error=" << o.error << " partial=" << o.partial;
}

void drain(Decoder& decoder, Outcome& out) {
  for (Event e; decoder.next(e);) {
    std::string text(e.name);
    text.append("|").append(e.data).append("|").append(e.id);
    out.events.push_back(std::move(text));
  }
}

Outcome run(const std::vector<std::string>& pieces, size_t max = 4u << 20) {
  Decoder decoder(max);
  Outcome out;
  for (auto& piece : pieces) {
    if (auto fed = decoder.feed(piece); !fed) {
      out.error = std::string(code_name(fed.error().code)) + ": " + fed.error().message;
      return out;
    }
    drain(decoder, out);
  }
  out.partial = decoder.has_partial();
  return out;
}

std::vector<std::string> events(std::string_view text) {
  return run({std::string(text)}).events;
}

std::vector<std::string> bytes_of(std::string_view text) {
  std::vector<std::string> out;
  for (char c : text) out.emplace_back(1, c);
  return out;
}

TEST(Sse, ReadsTheExamplesOfTheStandard) {
  EXPECT_THAT(events("data: YHOO\ndata: +2\ndata: 10\n\n"), ElementsAre("|YHOO\n+2\n10|"));
  EXPECT_THAT(events(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  "
                     "third event\n\n"),
              ElementsAre("|first event|1", "|second event|", "| third event|"));
  EXPECT_THAT(events("data\n\ndata\ndata\n\ndata:"), ElementsAre("||", "|\n|"));
  EXPECT_THAT(events("data:test\n\ndata: test\n\n"), ElementsAre("|test|", "|test|"));
  EXPECT_THAT(events("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n"),
              ElementsAre("add|73857293|", "remove|2153|"));
}

TEST(Sse, FieldsFollowTheirRules) {
  EXPECT_THAT(events("event: a\nevent: b\ndata: 1\n\ndata: 2\n\n"), ElementsAre("b|1|", "|2|"));
  EXPECT_THAT(events("id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\nid:\ndata: d\n\n"),
              ElementsAre("|a|1", "|b|1", "|c|2", "|d|"));
  EXPECT_THAT(events("event: lost\n\ndata: x\n\n"), ElementsAre("|x|"));
  EXPECT_THAT(events("retry: 10\nfoo: bar\nData: no\ndata : no\n:data: no\n data: no\ndata: yes\n\n"),
              ElementsAre("|yes|"));
  EXPECT_THAT(events("data: a:b: c\n\n"), ElementsAre("|a:b: c|"));
  EXPECT_THAT(events("data:\t a \n\n"), ElementsAre("|\t a |"));
  EXPECT_THAT(events("\n\n\n: c\n\n"), IsEmpty());
}

TEST(Sse, AnIdWithNulIsIgnored) {
  EXPECT_THAT(events("id: 1\ndata: a\n\nid: 2\0x\ndata: b\n\n"sv), ElementsAre("|a|1", "|b|1"));
}

TEST(Sse, TakesEveryLineEnd) {
  for (std::string end : {"\n", "\r\n", "\r"}) {
    std::string text =
        "event: e" + end + "data: a" + end + "data: b" + end + end + "data: c" + end + end + ": tail" + end;
    EXPECT_THAT(run({text}).events, ElementsAre("e|a\nb|", "|c|")) << ::testing::PrintToString(end);
  }
  EXPECT_THAT(events("data: a\r\ndata: b\ndata: c\r\r\n"), ElementsAre("|a\nb\nc|"));
  EXPECT_THAT(events("data: a\n\rdata: b\n\n"), ElementsAre("|a|", "|b|"));
}

TEST(Sse, AnEventEndedByCarriageReturnsNeedsNoMoreBytes) {
  Outcome o = run({"data: a\r\r"});
  EXPECT_THAT(o.events, ElementsAre("|a|"));
  EXPECT_FALSE(o.partial);
  EXPECT_THAT(run({"data: a\r\n\r"}).events, ElementsAre("|a|"));
  EXPECT_THAT(run({"data: a\r\n\r", "\ndata: b\r\n\r\n"}).events, ElementsAre("|a|", "|b|"));
}

TEST(Sse, SkipsOneByteOrderMark) {
  EXPECT_THAT(events("\xEF\xBB\xBF"
                     "data: a\n\n"),
              ElementsAre("|a|"));
  EXPECT_THAT(events("\xEF\xBB\xBF\xEF\xBB\xBF"
                     "data: a\n\n"),
              IsEmpty());
  EXPECT_THAT(events("data: a\n\n\xEF\xBB\xBF"
                     "data: b\n\n"),
              ElementsAre("|a|"));
  EXPECT_THAT(events("\xEF\xBB"
                     "data: a\n\n"),
              IsEmpty());
}

constexpr std::string_view kStream =
    "\xEF\xBB\xBF: hi\r\nevent: delta\ndata: {\"a\":\"\xE2\x82\xAC\"}\n\nid: 7\rdata: "
    "one\r\ndata\ndata:two\n\r\n"
    "event: x\n\ndata: last\n\n: ping\n\nunknown\ndata: [DONE]\n\ndata: cut";

TEST(Sse, IsTheSameForEverySplitInTwo) {
  Outcome whole = run({std::string(kStream)});
  ASSERT_THAT(whole.events, ElementsAre("delta|{\"a\":\"\xE2\x82\xAC\"}|", "|one\n\ntwo|7", "|last|7", "|[DONE]|7"));
  EXPECT_TRUE(whole.partial);
  for (size_t cut = 0; cut <= kStream.size(); ++cut)
    ASSERT_EQ(run({std::string(kStream.substr(0, cut)), std::string(kStream.substr(cut))}), whole) << cut;
  EXPECT_EQ(run(bytes_of(kStream)), whole);
}

TEST(Sse, IsTheSameForEverySplitInThree) {
  std::string text = "data: a\r\ndata: b\r\n\r\nid: 1\rdata: c\n\n";
  Outcome whole = run({text});
  for (size_t i = 0; i <= text.size(); ++i)
    for (size_t j = i; j <= text.size(); ++j)
      ASSERT_EQ(run({text.substr(0, i), text.substr(i, j - i), text.substr(j)}), whole) << i << " " << j;
}

TEST(Sse, EventsMayWaitForSeveralFeeds) {
  Decoder decoder;
  Outcome out;
  for (auto& b : bytes_of(kStream)) ASSERT_TRUE(decoder.feed(b));
  drain(decoder, out);
  EXPECT_EQ(out.events, run({std::string(kStream)}).events);
}

TEST(Sse, AnEventComesAsSoonAsItIsComplete) {
  Decoder decoder;
  Outcome out;
  ASSERT_TRUE(decoder.feed("data: a\n"));
  drain(decoder, out);
  EXPECT_THAT(out.events, IsEmpty());
  ASSERT_TRUE(decoder.feed("\n"));
  drain(decoder, out);
  EXPECT_THAT(out.events, ElementsAre("|a|"));
}

TEST(Sse, KnowsWhenTheStreamWasCut) {
  for (auto cut : {"data: a", "data: a\n", "event: x\n", "data: a\n\ndata: b\n", "data: a\n\nx"})
    EXPECT_TRUE(run({cut}).partial) << cut;
  for (auto whole : {"", "data: a\n\n", "data: a\n\n: ping\n", "data: a\r\n\r\n", "event: x\n\n"})
    EXPECT_FALSE(run({whole}).partial) << whole;
}

TEST(Sse, AnUnfinishedEventIsNotDelivered) {
  EXPECT_THAT(events("data: a\n\ndata: b\n"), ElementsAre("|a|"));
  EXPECT_THAT(events("data: a\n\ndata: b"), ElementsAre("|a|"));
}

TEST(Sse, LimitsTheBytesOfAnEventInEverySplit) {
  std::string line = "data: " + std::string(200'000, 'x') + "\n\n";
  std::string lines;
  for (int i = 0; i < 2000; ++i) lines += "data: " + std::string(100, 'x') + "\n";
  lines += "\n";
  for (auto& text : {line, lines}) {
    Outcome whole = run({text, ""}, 1024);
    EXPECT_THAT(whole.error, HasSubstr("TooLarge: server-sent event is too large"));
    EXPECT_THAT(whole.events, IsEmpty());
    Outcome apart = run(bytes_of(text), 1024);
    EXPECT_EQ(apart.error, whole.error);
    EXPECT_THAT(apart.events, IsEmpty());
  }
  EXPECT_THAT(run(bytes_of(std::string(200'000, 'x')), 1024).error, HasSubstr("TooLarge"));
}

TEST(Sse, TheLimitIsTheOneThatWasGiven) {
  EXPECT_THAT(run({"data: " + std::string(1000, 'x') + "\n\n", ""}, 1024).events, SizeIs(1));
  EXPECT_THAT(run({"data: " + std::string(2000, 'x') + "\n\n", ""}, 1024).error, HasSubstr("TooLarge"));
}

// The limit is of one event, not of what one read brings.
TEST(Sse, ManySmallEventsInOnePieceAreNotTooLarge) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "data: " + std::string(50, 'x') + "\n\n";
  Outcome o = run({text}, 1024);
  EXPECT_EQ(o.error, "");
  EXPECT_THAT(o.events, SizeIs(5000));
  EXPECT_THAT(run(bytes_of(text), 1024).events, SizeIs(5000));
}

TEST(Sse, LongStreamsKeepNothing) {
  std::string event = "event: e\ndata: " + std::string(900, 'y') + "\n\n";
  Decoder decoder(1024);
  size_t count = 0;
  for (int i = 0; i < 1000; ++i) {
    // Cut inside the event so that the buffer never runs empty.
    std::string text = i == 0 ? event + event.substr(0, 100) : event.substr(100) + event.substr(0, 100);
    ASSERT_TRUE(decoder.feed(text)) << i;
    for (Event e; decoder.next(e); ++count) ASSERT_EQ(e.data.size(), 900u);
  }
  EXPECT_EQ(count, 1000u);
}

TEST(Sse, AppendWritesWhatTheDecoderReads) {
  std::string out = "x";
  append_event("", "{\"a\":1}", out);
  EXPECT_EQ(out, "xdata: {\"a\":1}\n\n");
  out.clear();
  append_event("message_start", " spaced", out);
  append_event("", "", out);
  EXPECT_EQ(out, "event: message_start\ndata:  spaced\n\ndata: \n\n");
  EXPECT_THAT(events(out), ElementsAre("message_start| spaced|", "||"));
}

}  // namespace
}  // namespace sl::sse
