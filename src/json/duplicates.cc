// Duplicate-key detection: a SAX pass of its own, since a document model has already lost them.
#include <boost/json/basic_parser_impl.hpp>
#include <set>

#include "json/value.h"

namespace sl::json {
namespace {

struct DuplicateHandler {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  struct Level {
    bool object = false;
    std::set<std::string, std::less<>> keys;
    std::string key;   // key being read
    size_t index = 0;  // element being read
  };
  std::vector<Level> levels;
  std::vector<std::string>* out = nullptr;
  std::string key;

  using ec_t = boost::json::error_code;
  using sv = boost::json::string_view;

  std::string path() const {
    std::string p;
    for (auto& level : levels) p = level.object ? child_path(p, level.key) : index_path(p, level.index);
    return p;
  }
  void value_done() {
    if (!levels.empty() && !levels.back().object) ++levels.back().index;
  }
  bool on_document_begin(ec_t&) { return true; }
  bool on_document_end(ec_t&) { return true; }
  bool on_object_begin(ec_t&) {
    levels.emplace_back();
    levels.back().object = true;
    return true;
  }
  bool on_object_end(std::size_t, ec_t&) {
    levels.pop_back();
    value_done();
    return true;
  }
  bool on_array_begin(ec_t&) {
    levels.emplace_back();
    return true;
  }
  bool on_array_end(std::size_t, ec_t&) {
    levels.pop_back();
    value_done();
    return true;
  }
  bool on_key_part(sv part, std::size_t, ec_t&) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(sv part, std::size_t, ec_t&) {
    key.append(part.data(), part.size());
    levels.back().key = key;
    if (!levels.back().keys.insert(key).second) out->push_back(path());
    key.clear();
    return true;
  }
  bool on_string_part(sv, std::size_t, ec_t&) { return true; }
  bool on_string(sv, std::size_t, ec_t&) { return value_done(), true; }
  bool on_number_part(sv, ec_t&) { return true; }
  bool on_int64(std::int64_t, sv, ec_t&) { return value_done(), true; }
  bool on_uint64(std::uint64_t, sv, ec_t&) { return value_done(), true; }
  bool on_double(double, sv, ec_t&) { return value_done(), true; }
  bool on_bool(bool, ec_t&) { return value_done(), true; }
  bool on_null(ec_t&) { return value_done(), true; }
  bool on_comment_part(sv, ec_t&) { return true; }
  bool on_comment(sv, ec_t&) { return true; }
};

}  // namespace

Result<Value> parse_noting_duplicates(std::string_view text, std::vector<std::string>* duplicates, ParseLimits limits) {
  auto value = parse(text, limits);
  if (!value) return value;
  boost::json::parse_options options;
  options.max_depth = limits.depth_max;
  boost::json::basic_parser<DuplicateHandler> parser(options);
  parser.handler().out = duplicates;
  boost::json::error_code ec;
  parser.write_some(false, text.data(), text.size(), ec);
  return value;
}

}  // namespace sl::json
