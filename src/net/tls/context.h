// TLS contexts and the small certificate authority of the embedded API.
//
// Who calls: app, servers, proxy/upstream. Thread: contexts may be shared by loops once built.
// Security: TLS 1.2 or later; clients verify chain and name always; keys are written with mode 0600.
// Source: RFC 8446, RFC 5280 through OpenSSL 3.0.
#pragma once

#include <boost/asio/ssl.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace sl::net {

namespace asio = boost::asio;

using TlsContextPtr = std::shared_ptr<asio::ssl::context>;

struct CertificatePem {
  std::string certificate;
  std::string key;
};

// A self-signed CA (10 years), and a leaf signed by it for these DNS names and IP addresses.
Result<CertificatePem> make_ca(const std::string& common_name);
Result<CertificatePem> make_leaf(const CertificatePem& ca, const std::string& common_name,
                                 const std::vector<std::string>& names, int days = 3650);

Result<std::shared_ptr<asio::ssl::context>> make_server_context(const CertificatePem& leaf);
// System roots, plus the PEM bundle in `extra_ca_file` unless empty.
Result<std::shared_ptr<asio::ssl::context>> make_client_context(const std::string& extra_ca_file);
// Trusts exactly this CA (for our own API).
Result<std::shared_ptr<asio::ssl::context>> make_client_context_for_ca(const std::string& ca_pem);

}  // namespace sl::net
