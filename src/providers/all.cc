// The list of providers: one line each.
#include "llm/provider.h"
#include "providers/anthropic/anthropic.h"
#include "providers/openai/openai.h"

namespace sl::llm {

std::vector<const Provider*> all_providers() {
  return {
      &providers::anthropic(),
      &providers::openai(),
  };
}

const Provider* find_provider(std::string_view name) {
  for (auto* p : all_providers())
    if (p->name() == name) return p;
  return nullptr;
}

}  // namespace sl::llm
