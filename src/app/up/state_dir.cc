#include "app/up/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "app/cli/verbs.h"
#include "base/ids.h"
#include "base/strings.h"

namespace sl::up {

std::string default_state_dir(const std::string& option) {
  if (!option.empty()) return option;
  const char* xdg = std::getenv("XDG_STATE_HOME");
  if (xdg && *xdg) return std::string(xdg) + "/sightline";
  const char* home = std::getenv("HOME");
  return std::string(home && *home ? home : "/root") + "/.local/state/sightline";
}

Result<void> StateDir::open(const std::string& path) {
  std::error_code ec;
  std::filesystem::create_directories(path, ec);
  if (ec) return fail(Code::Io, fmt::format("cannot make the state directory {}: {}", path, ec.message()));
  chmod(path.c_str(), 0700);
  umask(0077);
  path_ = path;
  lock_ = ::open(file("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0)
    return fail(Code::Io, fmt::format("cannot write in the state directory {}: {}", path, strerror(errno)));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0)
    return fail(Code::Unavailable,
                fmt::format("another sightline serves from {}; stop it or choose another --state-dir", path));
  return {};
}

StateDir::~StateDir() {
  if (lock_ >= 0) ::close(lock_);
}

Result<Identity> StateDir::identity(const std::vector<std::string>& names) {
  Identity out;
  auto ca = cli::read_file(file("ca.pem")), ca_key = cli::read_file(file("ca.key"));
  if (ca && ca_key) {
    out.ca = {*ca, *ca_key};
  } else {
    SL_TRY(made, net::make_ca("sightline CA"));
    out.ca = made;
    SL_CHECK(cli::write_file(file("ca.key"), made.key, 0600));
    SL_CHECK(cli::write_file(file("ca.pem"), made.certificate));
  }
  auto token = cli::read_file(file("token"));
  if (token && trim(*token).size() >= 32) {
    out.token = trim(*token);
  } else {
    out.token = random_hex(32);
    SL_CHECK(cli::write_file(file("token"), out.token + "\n", 0600));
  }
  // The certificate is made anew at each start: it costs a millisecond and always fits the addresses.
  SL_TRY(server, net::make_leaf(out.ca, "sightline", names, 365));
  out.server = server;
  return out;
}

std::string kubeconfig_text(const std::string& server, const Identity& identity) {
  return fmt::format(
      "apiVersion: v1\nkind: Config\ncurrent-context: sightline\n"
      "clusters:\n- name: sightline\n  cluster:\n    server: {}\n    certificate-authority-data: {}\n"
      "contexts:\n- name: sightline\n  context:\n    cluster: sightline\n    user: admin\n"
      "users:\n- name: admin\n  user:\n    token: {}\n",
      server, base64_encode(identity.ca.certificate), identity.token);
}

}  // namespace sl::up
