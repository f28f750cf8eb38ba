// GET .../pods/P/log: the kept lines of a part of this program, and with follow=true the coming ones.
// Who calls: apiserver. Thread: the server's loop; lines arrive from any thread. Source: Kubernetes pod log
// subresource.
#pragma once

#include "base/log.h"
#include "net/http_server/server.h"

namespace sl::kube {

void stream_log(LogHub& logs, const std::string& component, const net::HttpRequest& request, net::HttpResponderPtr out);

}  // namespace sl::kube
