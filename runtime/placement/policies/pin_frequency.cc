// Pin by frequency: the most frequent rows of a hot set are loaded before the first access and stay. Static caching of
// hot embedding rows is the usual baseline, e.g. Bandana (Eisenman et al., MLSys 2019). No deviation.
#include "runtime/base/error.h"
#include "runtime/placement/pinned_rows.h"
#include "runtime/placement/policies/policies.h"

namespace tierscope {

PolicyInfo pin_frequency_policy() {
  PolicyInfo info{"pin-frequency",
                  "the most frequent rows of a hot set, preloaded, never evicted",
                  "Eisenman et al., Bandana, MLSys 2019",
                  {{"from", "", "the hot set's file (see: tierscope learn); required"}},
                  false,
                  [](const PolicyContext& context) -> std::unique_ptr<Policy> {
                    const std::string from(context.parameter("from"));
                    if (from.empty())
                      throw UsageError("a hot set is missing", "pin-frequency",
                                       "write pin-frequency:from=FILE; tierscope learn makes one");
                    return std::make_unique<PinnedRows>(context, rows_to_pin(from, context.slots, context));
                  }};
  info.pins = true;
  return info;
}

}  // namespace tierscope
