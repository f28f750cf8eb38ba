// Certificates made here, and what a client accepts of them.
#include "net/tls/context.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <string>

#include "net/tcp/stream.h"

namespace sl::net {
namespace {

using ::testing::HasSubstr;

CertificatePem ca(const std::string& name = "test ca") {
  auto made = make_ca(name);
  EXPECT_TRUE(made);
  return *made;
}
CertificatePem leaf(const CertificatePem& by, const std::vector<std::string>& names, int days = 30) {
  auto made = make_leaf(by, "leaf", names, days);
  EXPECT_TRUE(made);
  return made ? *made : CertificatePem();
}

// Both ends of one handshake on the loopback, and what each said.
class Handshakes : public ::testing::Test {
 protected:
  struct Outcome {
    Result<void> client, server;
    std::string version, alpn, common_name;
  };
  void SetUp() override { loop_.start(); }

  Outcome handshake(const CertificatePem& server_leaf, std::shared_ptr<asio::ssl::context> client,
                    const std::string& name) {
    auto server = make_server_context(server_leaf);
    EXPECT_TRUE(server);
    return handshake(*server, client, name);
  }
  Outcome handshake(std::shared_ptr<asio::ssl::context> server, std::shared_ptr<asio::ssl::context> client,
                    const std::string& name) {
    Outcome out;
    std::promise<void> server_done, client_done;
    loop_.call([&] {
      acceptor_ = std::make_unique<tcp::acceptor>(loop_.io(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
      loop_.spawn(accept(this, server, &out, &server_done));
      loop_.spawn(connect(this, client, name, &out, &client_done));
    });
    server_done.get_future().wait();
    client_done.get_future().wait();
    return out;
  }
  static Task<void> accept(Handshakes* self, std::shared_ptr<asio::ssl::context> context, Outcome* out,
                           std::promise<void>* done) {
    tcp::socket socket(self->loop_.io());
    co_await self->acceptor_->async_accept(socket, use_task);
    Stream stream(self->loop_, std::move(socket));
    stream.deadline().expires_in(10'000);
    out->server = co_await stream.accept_tls(*context);
    char byte;
    if (out->server) co_await stream.read_some(&byte, 1);  // the client closes first
    done->set_value();
  }
  static Task<void> connect(Handshakes* self, std::shared_ptr<asio::ssl::context> context, std::string name,
                            Outcome* out, std::promise<void>* done) {
    tcp::socket socket(self->loop_.io());
    co_await socket.async_connect(self->acceptor_->local_endpoint(), use_task);
    {
      Stream stream(self->loop_, std::move(socket));
      stream.deadline().expires_in(10'000);
      out->client = co_await stream.connect_tls(*context, name, nullptr);
      if (out->client) note(stream.ssl(), *out);
    }
    done->set_value();
  }
  static void note(SSL* ssl, Outcome& out) {
    out.version = SSL_get_version(ssl);
    const unsigned char* data = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &data, &size);
    out.alpn.assign(reinterpret_cast<const char*>(data), size);
  }

  Loop loop_{"test"};
  std::unique_ptr<tcp::acceptor> acceptor_;
};

std::shared_ptr<asio::ssl::context> trusting(const CertificatePem& c) {
  auto made = make_client_context_for_ca(c.certificate);
  EXPECT_TRUE(made);
  return *made;
}

TEST_F(Handshakes, ALeafOfATrustedAuthorityIsAccepted) {
  auto root = ca();
  auto l = leaf(root, {"localhost", "*.example.com", "127.0.0.1", "::1"});
  for (auto* name : {"localhost", "a.example.com", "127.0.0.1", "::1"}) {
    auto o = handshake(l, trusting(root), name);
    EXPECT_TRUE(o.client) << name << " " << o.client.error().message;
    EXPECT_TRUE(o.server) << name;
    EXPECT_EQ(o.version, "TLSv1.3");
    EXPECT_EQ(o.alpn, "http/1.1");
  }
}

TEST_F(Handshakes, AnotherNameIsRefused) {
  auto root = ca();
  auto l = leaf(root, {"localhost", "*.example.com", "127.0.0.1"});
  for (auto* name : {"example.com", "a.b.example.com", "localhost.evil.com", "127.0.0.2", "::1", "leaf"}) {
    auto o = handshake(l, trusting(root), name);
    ASSERT_FALSE(o.client) << name;
    EXPECT_EQ(o.client.error().code, Code::UpstreamTls) << name;
    EXPECT_THAT(o.client.error().message, HasSubstr(name));
    EXPECT_THAT(o.client.error().message, HasSubstr("mismatch"));
    EXPECT_FALSE(o.server) << name;
  }
}

TEST_F(Handshakes, AnUnknownAuthorityIsRefused) {
  auto root = ca(), other = ca();
  auto o = handshake(leaf(root, {"localhost"}), trusting(other), "localhost");
  ASSERT_FALSE(o.client);
  EXPECT_EQ(o.client.error().code, Code::UpstreamTls);
  EXPECT_THAT(o.client.error().message, HasSubstr("not trusted"));
}

TEST_F(Handshakes, AnExpiredLeafIsRefused) {
  auto root = ca();
  auto o = handshake(leaf(root, {"localhost"}, -1), trusting(root), "localhost");
  ASSERT_FALSE(o.client);
  EXPECT_THAT(o.client.error().message, HasSubstr("expired"));
}

TEST_F(Handshakes, OldVersionsAreRefused) {
  auto root = ca();
  auto server = make_server_context(leaf(root, {"localhost"}));
  ASSERT_TRUE(server);
  auto client = trusting(root);
  SSL_CTX_set_min_proto_version(client->native_handle(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(client->native_handle(), TLS1_1_VERSION);
  SSL_CTX_set_security_level(client->native_handle(), 0);
  SSL_CTX_set_security_level((*server)->native_handle(), 0);
  auto o = handshake(*server, client, "localhost");
  EXPECT_FALSE(o.client);
  EXPECT_FALSE(o.server);
  client = trusting(root);
  SSL_CTX_set_max_proto_version(client->native_handle(), TLS1_2_VERSION);
  EXPECT_EQ(handshake(*server, client, "localhost").version, "TLSv1.2");
}

TEST_F(Handshakes, ABundleIsTrustedBesideTheSystem) {
  auto root = ca(), second = ca("second");
  std::string path = fmt::format("{}/sightline-ca-{}.pem", ::testing::TempDir(), ::getpid());
  std::ofstream(path) << root.certificate << second.certificate;
  auto client = make_client_context(path);
  ASSERT_TRUE(client) << client.error().message;
  for (auto* by : {&root, &second}) EXPECT_TRUE(handshake(leaf(*by, {"localhost"}), *client, "localhost").client);
  ::unlink(path.c_str());
  auto system_only = make_client_context("");
  ASSERT_TRUE(system_only);
  EXPECT_FALSE(handshake(leaf(root, {"localhost"}), *system_only, "localhost").client);
}

TEST(Certificates, ABundleThatCannotBeReadIsNamed) {
  auto missing = make_client_context("/nonexistent/ca.pem");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::InvalidArgument);
  EXPECT_THAT(missing.error().message, HasSubstr("/nonexistent/ca.pem"));
}

X509* read(const CertificatePem& pem) {
  BIO* bio = BIO_new_mem_buf(pem.certificate.data(), static_cast<int>(pem.certificate.size()));
  X509* cert = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return cert;
}

TEST(Certificates, TheAuthorityIsOneAndLeavesAreNot) {
  auto root = ca();
  std::unique_ptr<X509, decltype(&X509_free)> c(read(root), X509_free), l(read(leaf(root, {"a"})), X509_free);
  ASSERT_TRUE(c && l);
  EXPECT_EQ(X509_check_ca(c.get()), 1);
  EXPECT_EQ(X509_check_ca(l.get()), 0);
  EXPECT_FALSE(X509_get_extension_flags(l.get()) & EXFLAG_CA);
  EXPECT_TRUE(X509_get_key_usage(c.get()) & KU_KEY_CERT_SIGN);
  EXPECT_FALSE(X509_get_key_usage(l.get()) & KU_KEY_CERT_SIGN);
  EXPECT_EQ(X509_get_extended_key_usage(l.get()), static_cast<uint32_t>(XKU_SSL_SERVER));
  EXPECT_EQ(X509_check_issued(c.get(), l.get()), X509_V_OK);
}

TEST(Certificates, EveryOneHasItsOwnKeyAndNumber) {
  auto root = ca();
  auto a = leaf(root, {"a"}), b = leaf(root, {"a"});
  EXPECT_NE(a.key, b.key);
  std::unique_ptr<X509, decltype(&X509_free)> x(read(a), X509_free), y(read(b), X509_free);
  EXPECT_NE(ASN1_INTEGER_cmp(X509_get0_serialNumber(x.get()), X509_get0_serialNumber(y.get())), 0);
}

TEST(Certificates, ALeafCannotMakeOthers) {
  auto middle = leaf(ca(), {"middle"});
  EXPECT_FALSE(make_leaf(middle, "forged", {"localhost"}));
}

TEST(Certificates, BrokenOnesAreErrors) {
  EXPECT_FALSE(make_leaf({"nonsense", "nonsense"}, "x", {"a"}));
  EXPECT_FALSE(make_client_context_for_ca("nonsense"));
  EXPECT_FALSE(make_server_context({"nonsense", "nonsense"}));
  auto root = ca();
  auto a = leaf(root, {"a"}), b = leaf(root, {"b"});
  auto mixed = make_server_context({a.certificate, b.key});
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().message.find(b.key), std::string::npos);
}

}  // namespace
}  // namespace sl::net
