// Which header fields pass, and what rules change.
#include "proxy/pipeline/fields.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sl::proxy {
namespace {

// A head as it was read; `text` outlives it.
http1::RequestHead head_of(const std::string& text) {
  http1::RequestHead h;
  auto ok = http1::parse_request(text, h);
  EXPECT_TRUE(ok) << text;
  return h;
}
std::string written(const route::HeaderChange& change) {
  std::string out;
  append_changes(change, out);
  return out;
}

TEST(ConnectionBound, HopByHopFieldsStayOnTheirHop) {
  std::string text = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  auto head = head_of(text);
  for (auto* name : {"Connection", "keep-alive", "Proxy-Connection", "TE", "Trailer", "TRANSFER-ENCODING", "Upgrade"})
    EXPECT_TRUE(connection_bound(head, name)) << name;
  for (auto* name : {"Accept", "Authorization", "Cookie", "X-Connection", "Connections", "Via", "Set-Cookie", ""})
    EXPECT_FALSE(connection_bound(head, name)) << name;
}

TEST(ConnectionBound, AFieldNamedByConnectionIsToo) {
  std::string text =
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-One ,\tx-two\r\nX-Other: Y\r\nconnection: X-Three\r\n\r\n";
  auto head = head_of(text);
  for (auto* name : {"x-one", "X-Two", "X-THREE"}) EXPECT_TRUE(connection_bound(head, name)) << name;
  for (auto* name : {"X-Other", "Y", "X-On", "X-One2", "X"}) EXPECT_FALSE(connection_bound(head, name)) << name;
}

TEST(HeaderChange, SetAndRemoveTakeTheMessagesOwnAway) {
  route::HeaderChange c;
  c.set = {{"X-Set", "1"}};
  c.add = {{"X-Add", "1"}};
  c.remove = {"X-Remove"};
  for (auto* name : {"X-Set", "x-set", "X-REMOVE"}) EXPECT_TRUE(replaced(c, name)) << name;
  for (auto* name : {"X-Add", "X-Other", ""}) EXPECT_FALSE(replaced(c, name)) << name;
  EXPECT_FALSE(replaced(std::nullopt, "X-Set"));
}

TEST(HeaderChange, SetAndAddAreWritten) {
  route::HeaderChange c;
  c.set = {{"X-Set", "1"}, {"X-Empty", ""}};
  c.add = {{"X-Add", "a"}, {"X-Add", "b"}};
  c.remove = {"X-Remove"};
  EXPECT_EQ(written(c), "X-Set: 1\r\nX-Empty: \r\nX-Add: a\r\nX-Add: b\r\n");
  std::string out = "before";
  append_changes(std::nullopt, out);
  EXPECT_EQ(out, "before");
}

// What frames the message is ours: a rule must not be able to break it apart.
TEST(HeaderChange, FramingIsNeverWritten) {
  route::HeaderChange c;
  for (auto* name : {"Content-Length", "transfer-encoding", "Connection", "HOST", "Upgrade", "Trailer", "TE",
                     "Keep-Alive", "Proxy-Connection"}) {
    c.set.push_back({name, "1"});
    c.add.push_back({name, "1"});
  }
  EXPECT_EQ(written(c), "");
}

TEST(HeaderChange, AValueCannotStartALine) {
  route::HeaderChange c;
  c.set = {{"X", "a\r\nY: b\n\rc"}};
  EXPECT_EQ(written(c), "X: aY: bc\r\n");
}

TEST(HeaderChange, HostIsFoundApart) {
  route::HeaderChange c;
  EXPECT_EQ(host_set(c), "");
  c.add = {{"Host", "added"}};
  EXPECT_EQ(host_set(c), "");
  c.set = {{"X", "1"}, {"hOsT", "internal.example.com"}};
  EXPECT_EQ(host_set(c), "internal.example.com");
  EXPECT_EQ(host_set(std::nullopt), "");
}

}  // namespace
}  // namespace sl::proxy
