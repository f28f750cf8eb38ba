#include "agent/tools/tool.h"

namespace sl::agent {

ToolMap built_in_tools(const KubeAccess& kube) {
  ToolMap out;
  auto ask = make_ask_user();
  out[ask->name()] = ask;
  for (auto& t : make_kube_tools(kube)) out[t->name()] = t;
  return out;
}

}  // namespace sl::agent
