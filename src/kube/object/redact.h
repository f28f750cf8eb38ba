// What may be shown of an object to somebody who is not to see credentials.
// Who calls: agent/tools (a model reads it), app/cli (describe), app/up (REST, without login). Thread: plain function.
// Security: removes values that are secret by their place; a secret written elsewhere (an annotation of one's own)
// stays.
#pragma once

#include "json/value.h"

namespace sl::kube {

inline constexpr char kHidden[] = "[hidden]";

// An object or a list: the values of Secrets, inline tokens, headers and variables become kHidden;
// managedFields and kubectl's copy of the last manifest are left out.
void hide_secrets(json::Value& object);
// What comes back as it was shown keeps the value it had in `old` (null: none); in lists, that of the entry of its
// name. False when a hidden value is left that nothing is known of: it must not be stored.
bool keep_hidden(json::Value& next, const json::Value* old);

}  // namespace sl::kube
