// What each policy's file offers to the registry.
#pragma once

#include "runtime/placement/policy.h"

namespace tierscope {

PolicyInfo arc_policy();
PolicyInfo belady_bypass_policy();
PolicyInfo belady_policy();
PolicyInfo clock_policy();
PolicyInfo fifo_policy();
PolicyInfo lecar_policy();
PolicyInfo lfu_policy();
PolicyInfo lirs_policy();
PolicyInfo lru_policy();
PolicyInfo pin_frequency_policy();
PolicyInfo pin_rank_policy();
PolicyInfo random_policy();
PolicyInfo s3fifo_policy();
PolicyInfo sieve_policy();
PolicyInfo slru_policy();
PolicyInfo two_q_policy();
PolicyInfo wtinylfu_policy();

}  // namespace tierscope
