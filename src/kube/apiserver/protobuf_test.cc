#include "kube/apiserver/protobuf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sl::kube {
namespace {

using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;
using ::testing::HasSubstr;

std::string varint(uint64_t v) {
  std::string out;
  for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
  return out + static_cast<char>(v);
}
std::string bytes(int field, std::string_view data) {
  return varint(static_cast<uint64_t>(field) << 3 | 2) + varint(data.size()) + std::string(data);
}
std::string number(int field, uint64_t v) {
  return varint(static_cast<uint64_t>(field) << 3) + varint(v);
}
std::string entry(int field, std::string_view key, std::string_view value) {
  return bytes(field, bytes(1, key) + bytes(2, value));
}
std::string envelope(std::string_view api_version, std::string_view kind, std::string_view raw) {
  return "k8s\0"s + bytes(1, bytes(1, api_version) + bytes(2, kind)) + bytes(2, raw) + bytes(3, "") + bytes(4, "");
}
std::string decoded(std::string_view kind, std::string_view raw, std::string_view api_version = "v1") {
  auto v = decode_protobuf(envelope(api_version, kind, raw));
  return v ? json::dump(*v) : std::string(code_name(v.error().code)) + ": " + v.error().message;
}

TEST(Protobuf, Namespace) {
  EXPECT_EQ(decoded("Namespace", bytes(1, bytes(1, "team") + bytes(2, "") + bytes(3, "") + bytes(8, "")) +
                                     bytes(2, "") + bytes(3, "")),
            R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"team"},"spec":{}})");
}

TEST(Protobuf, MetadataOfEveryKind) {
  std::string owner =
      bytes(1, "Widget") + bytes(3, "w") + bytes(4, "uid-1") + bytes(5, "example.com/v1") + number(6, 1) + number(7, 0);
  std::string meta = bytes(1, "a") + bytes(2, "a-") + bytes(3, "n") + bytes(5, "uid") + bytes(6, "12") +
                     number(7, 300) + bytes(8, number(1, 1'700'000'000) + number(2, 5)) + entry(11, "l", "1") +
                     entry(11, "m", "") + entry(12, "x/y", "é") + bytes(13, owner) + bytes(14, "f1") + bytes(14, "f2");
  auto v = decode_protobuf(envelope("v1", "ServiceAccount", bytes(1, meta)));
  ASSERT_TRUE(v);
  auto want = json::parse(R"({"name":"a","generateName":"a-","namespace":"n","uid":"uid","resourceVersion":"12",
    "generation":300,"creationTimestamp":"2023-11-14T22:13:20Z","labels":{"l":"1","m":""},"annotations":{"x/y":"é"},
    "ownerReferences":[{"kind":"Widget","name":"w","uid":"uid-1","apiVersion":"example.com/v1","controller":true,
      "blockOwnerDeletion":false}],"finalizers":["f1","f2"]})");
  ASSERT_TRUE(want);
  EXPECT_TRUE(json::equal(*json::find(*v, "metadata"), *want)) << json::dump(*v);
}

TEST(Protobuf, SecretDataIsBase64) {
  EXPECT_EQ(decoded("Secret", bytes(1, bytes(1, "s")) + entry(2, "k", "\xff\0z"sv) + bytes(3, "Opaque") +
                                  entry(4, "p", "plain") + number(5, 1)),
            R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"k":"/wB6"},"type":"Opaque",)"
            R"("stringData":{"p":"plain"},"immutable":true})");
}

TEST(Protobuf, ConfigMap) {
  EXPECT_EQ(
      decoded("ConfigMap", bytes(1, bytes(1, "c")) + entry(2, "a", "1") + entry(2, "b", "") + entry(3, "z", "\x01")),
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1","b":""},)"
      R"("binaryData":{"z":"AQ=="}})");
}

TEST(Protobuf, EveryFieldOfAService) {
  std::string spec = bytes(9, "10.0.0.0/8") + bytes(11, "Local") + number(12, 30001) + number(13, 1) +
                     bytes(14, bytes(1, number(1, 60))) + bytes(17, "SingleStack") + bytes(18, "1.2.3.4") +
                     bytes(19, "IPv4") + number(20, 0) + bytes(21, "c") + bytes(22, "Cluster") +
                     bytes(23, "PreferClose");
  EXPECT_EQ(decoded("Service", bytes(2, spec)),
            R"({"apiVersion":"v1","kind":"Service","spec":{"loadBalancerSourceRanges":["10.0.0.0/8"],)"
            R"("externalTrafficPolicy":"Local","healthCheckNodePort":30001,"publishNotReadyAddresses":true,)"
            R"("sessionAffinityConfig":{"clientIP":{"timeoutSeconds":60}},"ipFamilyPolicy":"SingleStack",)"
            R"("clusterIPs":["1.2.3.4"],"ipFamilies":["IPv4"],"allocateLoadBalancerNodePorts":false,)"
            R"("loadBalancerClass":"c","internalTrafficPolicy":"Cluster","trafficDistribution":"PreferClose"}})");
}

TEST(Protobuf, TimesOfAnEvent) {
  std::string at = number(1, 1'700'000'000) + number(2, 120'034'000);
  EXPECT_EQ(decoded("Event", bytes(10, at) + bytes(11, number(1, 3) + bytes(2, at)) + bytes(13, bytes(3, "n"))),
            R"({"apiVersion":"v1","kind":"Event","eventTime":"2023-11-14T22:13:20.120034Z",)"
            R"("series":{"count":3,"lastObservedTime":"2023-11-14T22:13:20.120034Z"},"related":{"name":"n"}})");
  EXPECT_THAT(decoded("Event", bytes(10, number(1, 1) + number(2, 1'000'000'000))), HasSubstr("out of range"));
}

TEST(Protobuf, ServicePortsOfBothKinds) {
  std::string http =
      bytes(1, "http") + bytes(2, "TCP") + number(3, 80) + bytes(4, number(1, 0) + number(2, 8080)) + number(5, 0);
  std::string named = number(3, 443) + bytes(4, number(1, 1) + number(2, 0) + bytes(3, "web"));
  std::string out =
      decoded("Service", bytes(1, bytes(1, "s")) +
                             bytes(2, bytes(1, http) + bytes(1, named) + entry(2, "app", "x") + bytes(4, "ClusterIP")));
  EXPECT_THAT(out, HasSubstr(R"("name":"http","protocol":"TCP","port":80,"targetPort":8080)"));
  EXPECT_THAT(out, HasSubstr(R"("port":443,"targetPort":"web")"));
  EXPECT_THAT(out, HasSubstr(R"("selector":{"app":"x"},"type":"ClusterIP")"));
}

TEST(Protobuf, DeleteOptionsAndReviews) {
  EXPECT_EQ(decoded("DeleteOptions",
                    number(1, 0) + bytes(2, bytes(1, "u") + bytes(2, "7")) + bytes(4, "Foreground") + bytes(5, "All")),
            R"({"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,)"
            R"("preconditions":{"uid":"u","resourceVersion":"7"},"propagationPolicy":"Foreground","dryRun":["All"]})");
  EXPECT_EQ(decoded("SelfSubjectAccessReview",
                    bytes(2, bytes(1, bytes(1, "n") + bytes(2, "list") + bytes(3, "g") + bytes(5, "pods"))),
                    "authorization.k8s.io/v1"),
            R"({"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview",)"
            R"("spec":{"resourceAttributes":{"namespace":"n","verb":"list","group":"g","resource":"pods"}}})");
}

TEST(Protobuf, ANegativeNumber) {
  EXPECT_THAT(decoded("DeleteOptions", number(1, static_cast<uint64_t>(-1))), HasSubstr(R"("gracePeriodSeconds":-1)"));
}

TEST(Protobuf, UnknownFieldsOfEveryWireTypeAreSkipped) {
  std::string odd = number(99, 7) + varint(98 << 3 | 1) + "12345678" + varint(97 << 3 | 5) + "1234" + bytes(96, "x");
  EXPECT_EQ(decoded("ConfigMap", odd + bytes(1, odd + bytes(1, "c")) + odd),
            R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}})");
}

TEST(Protobuf, OtherKindsAreNotTaken) {
  auto v = decode_protobuf(envelope("batch/v1", "Job", ""));
  ASSERT_FALSE(v);
  EXPECT_EQ(v.error().code, Code::UnsupportedMedia);
  EXPECT_THAT(v.error().message, HasSubstr("Job"));
}

TEST(Protobuf, NeedsItsMagic) {
  for (auto body : {""sv, "k8s"sv, "{}"sv, "k8t\0"sv}) {
    auto v = decode_protobuf(body);
    ASSERT_FALSE(v);
    EXPECT_EQ(v.error().code, Code::InvalidArgument);
  }
}

TEST(Protobuf, EveryCutIsAnErrorOrASmallerObject) {
  std::string whole = envelope("v1", "Secret", bytes(1, bytes(1, "s") + entry(11, "l", "v")) + entry(2, "k", "value"));
  for (size_t n = 0; n < whole.size(); ++n) {
    auto v = decode_protobuf(std::string_view(whole).substr(0, n));
    if (!v) {
      EXPECT_TRUE(v.error().code == Code::InvalidArgument || v.error().code == Code::UnsupportedMedia) << n;
    }
  }
  std::string_view inside = "\x0a\x7fshort";
  EXPECT_EQ(decoded("ConfigMap", inside), "InvalidArgument: malformed protobuf body");
  EXPECT_EQ(decoded("ConfigMap", "\x0b"), "InvalidArgument: malformed protobuf body");
  EXPECT_EQ(decoded("DeleteOptions", "\x08" + std::string(11, '\xff')), "InvalidArgument: malformed protobuf body");
}

TEST(Protobuf, TextIsUtf8) {
  EXPECT_THAT(decoded("ConfigMap", bytes(1, bytes(1, "\xff"))), HasSubstr("UTF-8"));
  EXPECT_THAT(decoded("ConfigMap", entry(2, "k", "\xff")), HasSubstr("UTF-8"));
}

}  // namespace
}  // namespace sl::kube
