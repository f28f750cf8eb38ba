#include "app/rest/guard.h"

#include <gtest/gtest.h>

namespace sl::rest {
namespace {

net::HttpRequest request(std::string host, std::string origin = "") {
  net::HttpRequest r;
  r.headers.emplace_back("Host", std::move(host));
  if (!origin.empty()) r.headers.emplace_back("Origin", std::move(origin));
  return r;
}

TEST(Guard, AddressesAndLocalNamesAreAtHome) {
  for (auto host : {"127.0.0.1", "127.0.0.1:8083", "10.1.2.3:80", "[::1]", "[::1]:8083", "localhost", "LOCALHOST:8083",
                    "kagent.localhost", "kagent.localhost:80"})
    EXPECT_FALSE(foreign_host(request(host))) << host;
}

TEST(Guard, AnyOtherNameMayHaveBeenPointedHere) {
  for (auto host : {"evil.test", "evil.test:8083", "127.0.0.1.evil.test", "localhost.evil.test", "notlocalhost", "1x"})
    EXPECT_TRUE(foreign_host(request(host))) << host;
}

TEST(Guard, APageDrivesOnlyWhereItCameFrom) {
  EXPECT_FALSE(foreign_origin(request("127.0.0.1:8083")));
  EXPECT_FALSE(foreign_origin(request("127.0.0.1:8083", "http://127.0.0.1:8083")));
  for (auto origin : {"http://evil.test", "http://127.0.0.1:8084", "http://127.0.0.1", "null", "127.0.0.1:8083",
                      "http://127.0.0.1:8083.evil.test"})
    EXPECT_TRUE(foreign_origin(request("127.0.0.1:8083", origin))) << origin;
}

}  // namespace
}  // namespace sl::rest
