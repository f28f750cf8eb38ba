#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "app/cli/verbs.h"
#include "json/value.h"

namespace sl::cli {

void add_version(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("version", "Print the version of this program and its libraries");
  auto format = std::make_shared<std::string>("text");
  verb->add_option("-o,--output", *format, "text or json")->check(CLI::IsMember({"text", "json"}));
  verb->callback([=] {
    json::Object o{{"version", SIGHTLINE_VERSION},
                   {"tls", OpenSSL_version(OPENSSL_VERSION)},
                   {"sqlite", sqlite3_libversion()},
                   {"kubernetes", "v1.33.0"}};
    if (*format == "json")
      fmt::print("{}", json::dump_pretty(o));
    else
      fmt::print("sightline {} ({}, SQLite {})\n", SIGHTLINE_VERSION, OpenSSL_version(OPENSSL_VERSION),
                 sqlite3_libversion());
    *exit = 0;
  });
}

}  // namespace sl::cli
