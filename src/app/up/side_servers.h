// The small servers beside the data plane: its configuration, its metrics, whether it is ready.
// Who calls: up, `sightline gateway`. Thread: made, started and closed by the owner's; requests run on the given loop.
// Security: the configuration goes out without its credentials; metrics and configuration answer only to an IP address
// or localhost as Host. Errors: Io when an address cannot be listened on.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http_server/server.h"
#include "observe/pipeline/recorder.h"
#include "proxy/data_plane.h"

namespace sl::up {

class SideServers {
 public:
  struct Addresses {
    std::string admin, metrics, ready;  // "IP:PORT"; "" leaves one out
  };
  // What it names must outlive it.
  SideServers(net::Loop& loop, proxy::DataPlane& plane, observe::Recorder& recorder, std::function<bool()> ready)
      : loop_(loop), plane_(plane), recorder_(recorder), ready_(std::move(ready)) {}

  Result<void> listen(const Addresses& addresses);
  void close();
  // "http://IP:PORT" of each; "" for what was left out.
  const std::string& admin_url() const { return admin_url_; }
  const std::string& metrics_url() const { return metrics_url_; }
  const std::string& ready_url() const { return ready_url_; }

 private:
  struct Answer {
    int status = 404;
    std::string type = "text/plain", text;
  };
  Result<std::string> serve(const std::string& address, std::function<Answer(const net::HttpRequest&)> handler);
  Answer config_dump(const net::HttpRequest& r);
  Answer metrics(const net::HttpRequest& r);
  Answer readiness(const net::HttpRequest& r);

  net::Loop& loop_;
  proxy::DataPlane& plane_;
  observe::Recorder& recorder_;
  std::function<bool()> ready_;
  std::vector<std::unique_ptr<net::HttpServer>> servers_;
  std::string admin_url_, metrics_url_, ready_url_;
};

}  // namespace sl::up
