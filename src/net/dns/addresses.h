// The addresses of this machine, as getifaddrs(3) has them. Who calls: app/up, to know its own gateways behind 0.0.0.0.
// Thread: any. Errors: none; what cannot be read is left out.
#pragma once

#include <string>
#include <vector>

namespace sl::net {

// As text, v6 ones without brackets and scope. Loopback included.
std::vector<std::string> local_addresses();

}  // namespace sl::net
