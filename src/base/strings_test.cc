#include "base/strings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace sl {
namespace {

using std::string_view_literals::operator""sv;
using ::testing::ElementsAre;

constexpr int64_t kDayMs = 86'400'000;

TEST(AsciiLower, FoldsOnlyAsciiLetters) {
  EXPECT_EQ(ascii_lower('A'), 'a');
  EXPECT_EQ(ascii_lower('Z'), 'z');
  EXPECT_EQ(ascii_lower('a'), 'a');
  EXPECT_EQ(ascii_lower('@'), '@');  // just before 'A'
  EXPECT_EQ(ascii_lower('['), '[');  // just after 'Z'
  EXPECT_EQ(ascii_lower('\xC9'), '\xC9');
}

TEST(Iequals, ComparesWithoutCase) {
  EXPECT_TRUE(iequals("Content-Length", "content-LENGTH"));
  EXPECT_TRUE(iequals("", ""));
  EXPECT_FALSE(iequals("host", "hos"));
  EXPECT_FALSE(iequals("host", "hosu"));
  EXPECT_FALSE(iequals("k@", "k`"));  // differ by the case bit but are not letters
  EXPECT_FALSE(iequals("k", "\xE2\x84\xAA"));
}

TEST(ToLower, LeavesOtherBytesAlone) {
  EXPECT_EQ(to_lower("X-Foo_09\xC3\x89"), "x-foo_09\xC3\x89");
  EXPECT_EQ(to_lower(""), "");
}

TEST(Trim, TakesSpaceOffBothEnds) {
  EXPECT_EQ(trim(" \t\r\n a b \n\r\t "), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(" \t\r\n"), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\va\v"), "\va\v");
}

TEST(Split, KeepsEmptyPieces) {
  EXPECT_THAT(split("a,b,c", ','), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split(",a,,", ','), ElementsAre("", "a", "", ""));
  EXPECT_THAT(split("abc", ','), ElementsAre("abc"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Join, PutsTheSeparatorBetween) {
  EXPECT_EQ(join({"a", "", "c"}, ", "), "a, , c");
  EXPECT_EQ(join({"a"}, ", "), "a");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(ReplaceAll, ReplacesWithoutLookingAtItsOwnOutput) {
  EXPECT_EQ(replace_all("a.b..c", ".", "::"), "a::b::::c");
  EXPECT_EQ(replace_all("aaaa", "aa", "a"), "aa");
  EXPECT_EQ(replace_all("abab", "ab", "xab"), "xabxab");
  EXPECT_EQ(replace_all("abc", "d", "x"), "abc");
  EXPECT_EQ(replace_all("abc", "abc", ""), "");
  EXPECT_EQ(replace_all("", "a", "b"), "");
}

TEST(ReplaceAllDeathTest, EmptyPatternEndsAndChangesNothing) {
  EXPECT_EXIT(
      {
        alarm(2);  // an endless loop dies here, and the test fails
        _exit(replace_all("abc", "", "") == "abc" ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(ParseInt, TakesTheWholeStringOnly) {
  EXPECT_EQ(parse_int("0"), 0);
  EXPECT_EQ(parse_int("-17"), -17);
  EXPECT_EQ(parse_int("007"), 7);
  EXPECT_EQ(parse_int("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(parse_int("-9223372036854775808"), INT64_MIN);
  for (auto bad :
       {"", "-", "+1", " 1", "1 ", "1x", "0x10", "1.0", "1e3", "9223372036854775808", "-9223372036854775809"})
    EXPECT_EQ(parse_int(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_int("1\0"sv), std::nullopt);
}

TEST(ParseUint, HasNoSign) {
  EXPECT_EQ(parse_uint("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_uint("0"), 0u);
  for (auto bad : {"", "-1", "-0", "+1", " 1", "1 ", "1,1", "18446744073709551616"})
    EXPECT_EQ(parse_uint(bad), std::nullopt) << bad;
}

TEST(Hex, IsLowerCaseTwoDigitsAByte) {
  EXPECT_EQ(hex("\x00\x0f\xf0\xff"sv), "000ff0ff");
  EXPECT_EQ(hex(""), "");
}

TEST(Base64, MatchesTheRfcVectors) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (auto [plain, coded] : cases) {
    EXPECT_EQ(base64_encode(plain), coded);
    EXPECT_EQ(base64_decode(coded), plain) << coded;
  }
}

TEST(Base64, RoundTripsEveryByteAtEveryOffset) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (size_t cut = 0; cut < 6; ++cut) {
    std::string_view part = std::string_view(bytes).substr(cut);
    EXPECT_EQ(base64_decode(base64_encode(part)), part);
  }
  EXPECT_EQ(base64_encode("\xfb\xff\xbf"), "+/+/");
}

TEST(Base64, RefusesWhatIsNotOfTheStandardAlphabet) {
  for (auto bad : {"Zm9v Zm9v", "Zm9v\n", "Zm-_", "Z", "Zm9vZ", "Z===", "Zg==Zg==", "Z=g=", "Zm9v!"})
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
}

TEST(Base64, WantsExactlyThePaddingThatFits) {
  for (auto bad : {"Zg", "Zm9", "Zg=", "Zg===", "Zm8", "Zm8==", "Zm9v=", "Zm9v====", "=", "===="})
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
}

TEST(PercentDecode, DecodesEscapesOnce) {
  EXPECT_EQ(percent_decode("a%20b%2Fc%2f%41"), "a b/c/A");
  EXPECT_EQ(percent_decode("%2541"), "%41");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
  EXPECT_EQ(percent_decode(""), "");
}

TEST(PercentDecode, RefusesMalformedEscapes) {
  for (auto bad : {"%", "%4", "a%", "a%4", "%zz", "%4g", "%g4", "%%41", "%-1", "% 1"})
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

TEST(PercentEncode, KeepsOnlyUnreserved) {
  EXPECT_EQ(percent_encode("azAZ09-_.~"), "azAZ09-_.~");
  EXPECT_EQ(percent_encode("a b/c?%+\xC3\xA9"), "a%20b%2Fc%3F%25%2B%C3%A9");
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(bytes)), bytes);
}

TEST(ValidUtf8, AcceptsEveryLength) {
  for (auto good : {"", "ascii", "\x7f", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                    "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    EXPECT_TRUE(valid_utf8(good)) << hex(good);
  EXPECT_TRUE(valid_utf8("a\0b"sv));
}

TEST(ValidUtf8, RefusesMalformedSequences) {
  for (auto bad : {"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE2\x82",
                   "\xE2\x82\x41", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80",
                   "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF", "ok\xE2\x82\xACthen\xFF"})
    EXPECT_FALSE(valid_utf8(bad)) << hex(bad);
}

TEST(Rfc3339, FormatsUtc) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(1'709'210'096'007), "2024-02-29T12:34:56Z");
  EXPECT_EQ(rfc3339(1'709'210'096'007, true), "2024-02-29T12:34:56.007Z");
  EXPECT_EQ(rfc3339(-1000, true), "1969-12-31T23:59:59.000Z");
}

TEST(Rfc3339, FormatsFractionsBeforeTheEpoch) {
  EXPECT_EQ(rfc3339(-1, true), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(-1500, true), "1969-12-31T23:59:58.500Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59Z");
}

TEST(ParseRfc3339, ReadsZonesAndFractions) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("1970-01-02t00:00:00z"), kDayMs);
  EXPECT_EQ(parse_rfc3339("2024-02-29T12:34:56.007Z"), 1'709'210'096'007);
  EXPECT_EQ(parse_rfc3339("2024-02-29T12:34:56.0079999999999999999999Z"), 1'709'210'096'007);
  EXPECT_EQ(parse_rfc3339("2024-02-29T12:34:56.5Z"), 1'709'210'096'500);
  EXPECT_EQ(parse_rfc3339("2024-02-29T14:04:56+01:30"), 1'709'210'096'000);
  EXPECT_EQ(parse_rfc3339("2024-02-29T04:34:56-08:00"), 1'709'210'096'000);
  EXPECT_EQ(parse_rfc3339("1969-12-31T23:59:59.999Z"), -1);
  EXPECT_EQ(parse_rfc3339("1970-01-01T23:59:00+23:59"), 0);
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), parse_rfc3339("2017-01-01T00:00:00Z"));
}

TEST(ParseRfc3339, RefusesOtherText) {
  for (auto bad : {"",
                   "2024-02-29",
                   "2024-02-29T12:34:56",
                   "2024-02-29 12:34:56Z",
                   "2024-2-29T12:34:56Z",
                   "2024-02-29T12:34Z",
                   "2024-13-01T00:00:00Z",
                   "2024-00-01T00:00:00Z",
                   "2024-01-00T00:00:00Z",
                   "2024-01-32T00:00:00Z",
                   "2024-01-01T24:00:00Z",
                   "2024-01-01T00:60:00Z",
                   "2024-01-01T00:00:61Z",
                   "2024-01-01T00:00:00ZZ",
                   "2024-01-01T00:00:00+1:00",
                   "2024-01-01T00:00:00+01:000",
                   "2024-01-01T00:00:00*01:00",
                   "2024-01-01T00:00:00+01.00",
                   "2024-01-01T00:00:00+24:00",
                   "2024-01-01T00:00:00+00:60",
                   "2024-01-01T00:00:00+0000",
                   "+024-01-01T00:00:00Z",
                   "2024-01-01T00:00:-1Z",
                   "2024-01-01T00:00:00,5Z"})
    EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
}

TEST(ParseRfc3339, RefusesDaysThatTheMonthDoesNotHave) {
  for (auto bad : {"2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-04-31T00:00:00Z"})
    EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_rfc3339("2000-02-29T00:00:00Z"), 951'782'400'000);
}

TEST(Printable, ControlCharactersAreSpaces) {
  EXPECT_EQ(printable("a\x1b[31mb\x07\x7f\r"), "a [31mb   ");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "5m\xc2\xa0 \xc3\xa9 \xe2\x82\xac"),
            "a 5m\xc2\xa0 \xc3\xa9 \xe2\x82\xac")
      << "C1 alone";
  EXPECT_EQ(printable("a\n\tb"), "a\n\tb");
  EXPECT_EQ(printable("a\n\tb", ""), "a  b");
  EXPECT_EQ(printable("\x9b"
                      "1m\xc2"),
            "?1m?")
      << "what is no UTF-8";
  EXPECT_EQ(printable(std::string("a\0b", 3), ""), "a b");
}

TEST(ParseRfc3339, RefusesAFractionWithoutDigits) {
  EXPECT_EQ(parse_rfc3339("2024-01-01T00:00:00.Z"), std::nullopt);
  EXPECT_EQ(parse_rfc3339("2024-01-01T00:00:00.+00:00"), std::nullopt);
}

TEST(ParseRfc3339, ReadsYearsBefore1900) {
  EXPECT_EQ(parse_rfc3339("1899-12-31T23:59:59Z"), -2'208'988'801'000);
  EXPECT_EQ(parse_rfc3339("0000-01-01T00:00:00Z"), -62'167'219'200'000);
  EXPECT_EQ(parse_rfc3339("0001-01-01T00:00:00Z"), -62'135'596'800'000);  // Go's zero time
}

TEST(Rfc3339, RoundTrips) {
  for (int64_t day = 0; day < 40'000; day += 13) {
    int64_t at = day * kDayMs + day * 1'234'567 % kDayMs;
    EXPECT_EQ(parse_rfc3339(rfc3339(at, true)), at);
  }
}

}  // namespace
}  // namespace sl
