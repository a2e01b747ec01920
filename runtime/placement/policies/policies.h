// What each policy's file offers to the registry.
#pragma once

#include "runtime/placement/policy.h"

namespace tierscope {

PolicyInfo fifo_policy();
PolicyInfo lru_policy();

}  // namespace tierscope
