// The web page's files, each with its strict content policy. Who calls: http_api. Thread: any.
#pragma once

#include "net/http_server/server.h"

namespace sl::rest {

// Paths of the page's own router get its index; a file that is not there 404.
void serve_page(const net::HttpRequest& request, const net::HttpResponderPtr& out);

}  // namespace sl::rest
