#include "net/tls/context.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace sl::net {
namespace {

template <class T, void (*F)(T*)>
struct Free {
  void operator()(T* p) const { F(p); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, Free<X509, X509_free>>;
void free_bio(BIO* b) {
  BIO_free(b);
}
using BioPtr = std::unique_ptr<BIO, Free<BIO, free_bio>>;

Error openssl_error(std::string_view what) {
  char text[256] = "unknown error";
  if (unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return {Code::Internal, fmt::format("{}: {}", what, text), {}};
}

std::string bio_text(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

bool add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX ctx;
  X509V3_set_ctx_nodb(&ctx);
  X509V3_set_ctx(&ctx, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* ext = X509V3_EXT_conf_nid(nullptr, &ctx, nid, value.c_str());
  if (!ext) return false;
  bool ok = X509_add_ext(cert, ext, -1) == 1;
  X509_EXTENSION_free(ext);
  return ok;
}

CertPtr new_certificate(EVP_PKEY* key, const std::string& common_name, int days) {
  CertPtr cert(X509_new());
  X509_set_version(cert.get(), 2);
  BIGNUM* serial = BN_new();
  BN_rand(serial, 120, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
  BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert.get()));
  BN_free(serial);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_time_adj_ex(X509_getm_notAfter(cert.get()), days, 0, nullptr);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return cert;
}

Result<CertificatePem> to_pem(X509* cert, EVP_PKEY* key) {
  BioPtr c(BIO_new(BIO_s_mem())), k(BIO_new(BIO_s_mem()));
  if (!PEM_write_bio_X509(c.get(), cert) ||
      !PEM_write_bio_PrivateKey(k.get(), key, nullptr, nullptr, 0, nullptr, nullptr))
    return fail(openssl_error("writing a certificate"));
  return CertificatePem{bio_text(c.get()), bio_text(k.get())};
}

CertPtr read_cert(const std::string& pem) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return CertPtr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

int select_http1(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                 void*) {
  static const unsigned char kHttp1[] = "\x08http/1.1";
  if (SSL_select_next_proto(const_cast<unsigned char**>(out), out_size, kHttp1, sizeof kHttp1 - 1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<CertificatePem> make_ca(const std::string& common_name) {
  KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return fail(openssl_error("making a key"));
  CertPtr cert = new_certificate(key.get(), common_name, 3650);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  bool ok = add_extension(cert.get(), cert.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
            add_extension(cert.get(), cert.get(), NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature") &&
            add_extension(cert.get(), cert.get(), NID_subject_key_identifier, "hash");
  if (!ok || !X509_sign(cert.get(), key.get(), EVP_sha256())) return fail(openssl_error("making a CA"));
  return to_pem(cert.get(), key.get());
}

Result<CertificatePem> make_leaf(const CertificatePem& ca, const std::string& common_name,
                                 const std::vector<std::string>& names, int days) {
  CertPtr issuer = read_cert(ca.certificate);
  BioPtr bio(BIO_new_mem_buf(ca.key.data(), static_cast<int>(ca.key.size())));
  KeyPtr issuer_key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  KeyPtr key(EVP_EC_gen("P-256"));
  if (!issuer || !issuer_key || !key) return fail(openssl_error("reading the CA"));
  CertPtr cert = new_certificate(key.get(), common_name, days);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer.get()));
  std::string san;
  for (auto& name : names) {
    boost::system::error_code ec;
    asio::ip::make_address(name, ec);
    san += fmt::format("{}{}:{}", san.empty() ? "" : ",", ec ? "DNS" : "IP", name);
  }
  bool ok = add_extension(cert.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE") &&
            add_extension(cert.get(), issuer.get(), NID_key_usage, "critical,digitalSignature") &&
            add_extension(cert.get(), issuer.get(), NID_ext_key_usage, "serverAuth") &&
            add_extension(cert.get(), issuer.get(), NID_authority_key_identifier, "keyid") &&
            add_extension(cert.get(), issuer.get(), NID_subject_alt_name, san);
  if (!ok || !X509_sign(cert.get(), issuer_key.get(), EVP_sha256()))
    return fail(openssl_error("signing a certificate"));
  return to_pem(cert.get(), key.get());
}

Result<std::shared_ptr<asio::ssl::context>> make_server_context(const CertificatePem& leaf) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  boost::system::error_code ec;
  context->use_certificate_chain(asio::buffer(leaf.certificate), ec);
  if (!ec) context->use_private_key(asio::buffer(leaf.key), asio::ssl::context::pem, ec);
  if (ec) return fail(Code::InvalidArgument, "server certificate: " + ec.message());
  SSL_CTX_set_alpn_select_cb(raw, select_http1, nullptr);
  return context;
}

static std::shared_ptr<asio::ssl::context> client_base() {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  static const unsigned char kHttp1[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(raw, kHttp1, sizeof kHttp1 - 1);
  return context;
}

Result<std::shared_ptr<asio::ssl::context>> make_client_context(const std::string& extra_ca_file) {
  auto context = client_base();
  SSL_CTX_set_default_verify_paths(context->native_handle());
  if (!extra_ca_file.empty() &&
      SSL_CTX_load_verify_locations(context->native_handle(), extra_ca_file.c_str(), nullptr) != 1)
    return fail(Code::InvalidArgument,
                fmt::format("--upstream-ca {}: {}", extra_ca_file, openssl_error("cannot read certificates").message));
  return context;
}

Result<std::shared_ptr<asio::ssl::context>> make_client_context_for_ca(const std::string& ca_pem) {
  auto context = client_base();
  CertPtr ca = read_cert(ca_pem);
  if (!ca) return fail(openssl_error("reading the CA certificate"));
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context->native_handle()), ca.get());
  return context;
}

}  // namespace sl::net
