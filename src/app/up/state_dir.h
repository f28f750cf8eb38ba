// The state directory: its place, its lock, and the identity files in it (CA, server certificate, token).
// Who calls: up, and every client command that finds a server through it. Thread: any. Mode 0700, keys 0600.
#pragma once

#include <string>

#include "net/tls/context.h"

namespace sl::up {

// --state-dir, else $XDG_STATE_HOME/sightline, else ~/.local/state/sightline.
std::string default_state_dir(const std::string& option);

struct Identity {
  net::CertificatePem ca, server;
  std::string token;
};

class StateDir {
 public:
  // Makes the directory and takes its lock. Errors: Unavailable when another process has it.
  Result<void> open(const std::string& path);
  ~StateDir();
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  // Reads or makes CA, token and a server certificate for these names.
  Result<Identity> identity(const std::vector<std::string>& names);

 private:
  std::string path_;
  int lock_ = -1;
};

std::string kubeconfig_text(const std::string& server, const Identity& identity);

}  // namespace sl::up
