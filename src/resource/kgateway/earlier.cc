#include "resource/kgateway/earlier.h"

#include <fmt/format.h>

#include <algorithm>

namespace sl::resource {

using json::Object;
using json::Value;

void describe(json::Fields<EarlierHost>& f) {
  f.add("host", &EarlierHost::host).doc("Now host of the provider.").length(1, 253);
  f.add("port", &EarlierHost::port).doc("Now port of the provider.").min(1).max(65535);
}
void describe(json::Fields<EarlierPath>& f) {
  f.add("fullPath", &EarlierPath::full_path).doc("Now path.full of the provider.");
  f.add("full", &EarlierPath::full).doc("Now path.full of the provider.");
}
void describe(json::Fields<EarlierPriority>& f) {
  f.add("pool", &EarlierPriority::pool).doc("Now providers of a priority group.").items(1, 32);
}
void describe(json::Fields<EarlierMultipool>& f) {
  f.add("priorities", &EarlierMultipool::priorities).doc("Now priorityGroups.").items(1, 32);
}

void describe_earlier(json::Fields<LlmProvider>& f) {
  f.earlier<LlmProviders>("provider").doc("Spelling before 2.1: its members stand one level up now.");
  f.earlier<EarlierHost>("hostOverride").doc("Spelling before 2.1 of host and port.");
  f.earlier<EarlierPath>("pathOverride").doc("Spelling before 2.1 of path.");
  f.earlier<AuthHeaderOverride>("authHeaderOverride").doc("Spelling before 2.1 of authHeader.");
}
void describe_earlier(json::Fields<AiBackend>& f) {
  f.earlier<EarlierMultipool>("multipool").doc("Spelling before 2.1 of priorityGroups.");
}

namespace {

struct Rewriter {
  std::vector<std::string>& warnings;

  void told(std::string_view path, std::string_view earlier, std::string_view today) {
    warnings.push_back(
        fmt::format("{}.{}: spelling of kgateway before 2.1, stored as {}.{}", path, earlier, path, today));
  }

  // The object that `in` holds at `key`, taken out of it.
  static std::optional<Object> take(Object& in, std::string_view key) {
    auto* found = in.if_contains(key);
    if (!found || (!found->is_object() && !found->is_null())) return std::nullopt;
    std::optional<Object> out;
    if (found->is_object()) out = std::move(found->get_object());
    in.erase(key);
    return out;
  }

  static void move(Object& from, std::string_view key, Object& to, std::string_view new_key) {
    auto* found = from.if_contains(key);
    if (!found) return;
    Value value = std::move(*found);
    from.erase(key);
    to[new_key] = std::move(value);
  }
  // What has no place today stays where it was, to be named as unknown.
  static void keep(Object rest, Object& in, std::string_view key) {
    if (!rest.empty()) in[key] = std::move(rest);
  }

  void provider(Object& llm, const std::string& path) {
    if (auto chosen = take(llm, "provider")) {
      if (std::ranges::any_of(kLlmProviders, [&](auto name) { return chosen->contains(name); }))
        for (auto name : kLlmProviders) llm.erase(name);
      for (auto name : kLlmProviders) {
        if (!chosen->contains(name)) continue;
        move(*chosen, name, llm, name);
        told(path, fmt::format("provider.{}", name), name);
      }
      keep(std::move(*chosen), llm, "provider");
    }
    if (auto at = take(llm, "hostOverride")) {
      if (at->contains("host") || at->contains("port")) {
        for (auto key : {"host", "port"}) {
          llm.erase(key);
          move(*at, key, llm, key);
        }
        told(path, "hostOverride", "host and port");
      }
      keep(std::move(*at), llm, "hostOverride");
    }
    if (auto at = take(llm, "pathOverride")) {
      Object made;
      for (auto key : {"full", "fullPath"}) move(*at, key, made, "full");
      if (!made.empty()) {
        llm["path"] = std::move(made);
        told(path, "pathOverride", "path.full");
      }
      keep(std::move(*at), llm, "pathOverride");
    }
    if (auto header = take(llm, "authHeaderOverride")) {
      llm["authHeader"] = std::move(*header);
      told(path, "authHeaderOverride", "authHeader");
    }
  }

  // Providers had no names then, but need one now: theirs tells where they stand.
  void multipool(Object& ai) {
    auto* found = ai.if_contains("multipool");
    auto* listed = found ? json::arr(*found, "priorities") : nullptr;
    if (!listed) return;  // wrong ones are for validation to name
    json::Array priorities = *listed, groups;
    Object rest = std::move(found->get_object());
    rest.erase("priorities");
    ai.erase("multipool");
    keep(std::move(rest), ai, "multipool");
    for (auto& priority : priorities) {
      Object group;
      if (auto* o = priority.if_object()) group = std::move(*o);
      move(group, "pool", group, "providers");
      if (auto* providers = group.if_contains("providers"); providers && providers->is_array())
        for (size_t i = 0; i < providers->get_array().size(); ++i)
          if (auto* entry = providers->get_array()[i].if_object(); entry && !entry->contains("name"))
            (*entry)["name"] = fmt::format("priority-{}-{}", groups.size(), i);
      groups.push_back(std::move(group));
    }
    ai["priorityGroups"] = std::move(groups);
    told("spec.ai", "multipool", "priorityGroups");
  }

  void ai(Object& ai) {
    multipool(ai);
    if (auto* llm = ai.if_contains("llm"); llm && llm->is_object()) provider(llm->get_object(), "spec.ai.llm");
    auto* groups = ai.if_contains("priorityGroups");
    if (!groups || !groups->is_array()) return;
    for (size_t g = 0; g < groups->get_array().size(); ++g) {
      auto* group = groups->get_array()[g].if_object();
      auto* providers = group ? group->if_contains("providers") : nullptr;
      if (!providers || !providers->is_array()) continue;
      for (size_t p = 0; p < providers->get_array().size(); ++p)
        if (auto* entry = providers->get_array()[p].if_object())
          provider(*entry, fmt::format("spec.ai.priorityGroups[{}].providers[{}]", g, p));
    }
  }
};

}  // namespace

void use_todays_spelling(Value& backend, std::vector<std::string>& warnings) {
  auto* spec = backend.is_object() ? backend.get_object().if_contains("spec") : nullptr;
  if (!spec || !spec->is_object()) return;
  auto& o = spec->get_object();
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"ai", "AI"}, {"aws", "AWS"}, {"static", "Static"}};
  for (auto [earlier, today] : kTypes)
    if (json::str(*spec, "type") == earlier) {
      o["type"] = today;
      warnings.push_back(
          fmt::format("spec.type: {} is the spelling of kgateway before 2.1, stored as {}", earlier, today));
    }
  if (auto* ai = o.if_contains("ai"); ai && ai->is_object()) Rewriter{warnings}.ai(ai->get_object());
}

}  // namespace sl::resource
