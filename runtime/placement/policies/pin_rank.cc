// Pin by rank: the lowest row ids are loaded before the first access and stay. Byte-pair merges are learnt in order of
// frequency, so a low token id is a free prior of a frequent token. Sennrich, Haddow and Birch, "Neural machine
// translation of rare words with subword units", ACL 2016, has the merges; pinning by them is this project's.
#include "runtime/placement/pinned_rows.h"
#include "runtime/placement/policies/policies.h"

namespace tierscope {

PolicyInfo pin_rank_policy() {
  PolicyInfo info{"pin-rank",
                  "the lowest row ids, preloaded, never evicted",
                  "Sennrich, Haddow, Birch, ACL 2016 (the order of the merges)",
                  {},
                  false,
                  [](const PolicyContext& context) -> std::unique_ptr<Policy> {
                    return std::make_unique<PinnedRows>(context, rows_to_pin("rank", context.slots, context));
                  }};
  info.pins = true;
  return info;
}

}  // namespace tierscope
