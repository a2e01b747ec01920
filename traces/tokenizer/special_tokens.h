// Finds tokens that are recognised in raw text before anything else: the longest token first, wherever it occurs, then
// the next longest in what is left. Immutable once built, thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "traces/flat_map.h"
#include "traces/token_trace.h"

namespace tierscope {

class SpecialTokens {
 public:
  struct Match {
    size_t at, bytes;
    TokenId token;
  };

  void add(std::string_view text, TokenId token);
  // In order of their place in `text`, without overlaps.
  std::vector<Match> find(std::string_view text) const;

 private:
  static constexpr TokenId kNone = UINT32_MAX;

  FlatMap<uint32_t> children_;            // node << 8 | byte -> node
  std::vector<TokenId> token_of_{kNone};  // by node; node 0 is the root
  std::array<bool, 256> starts_{};
};

}  // namespace tierscope
