// The two schema-less patch formats. Who calls: kube/api. Thread: any.
#pragma once

#include "json/value.h"

namespace sl::json {

// RFC 7386: null deletes, objects merge, everything else replaces.
void merge_patch(Value& target, const Value& patch);

// The merge patch that brings to a value what `modified` holds, and takes away what only `original` held.
Value three_way_patch(const Value& original, const Value& modified);

// RFC 6902. All or nothing: on an error the target is unchanged. At most 10,000 operations.
// Errors: InvalidArgument for a malformed patch, Invalid for a failed test or a path that does not exist.
Result<Value> json_patch(const Value& target, const Value& patch);

}  // namespace sl::json
