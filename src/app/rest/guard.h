// Which requests of a browser are refused. Who calls: the servers that ask for no credential. Thread: any.
#pragma once

#include "net/http_server/server.h"

namespace sl::rest {

// True when the Host is a name that an attacker's DNS may point here (DNS rebinding): only addresses and localhost
// serve.
bool foreign_host(const net::HttpRequest& request);
// True for a page of another site, which must not drive this API through the user's browser.
bool foreign_origin(const net::HttpRequest& request);

}  // namespace sl::rest
