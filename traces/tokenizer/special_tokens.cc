#include "traces/tokenizer/special_tokens.h"

#include <algorithm>
#include <tuple>

namespace tierscope {

void SpecialTokens::add(std::string_view text, TokenId token) {
  if (text.empty()) return;
  starts_[static_cast<unsigned char>(text[0])] = true;
  uint32_t node = 0;
  for (const char c : text) {
    const uint64_t key = uint64_t{node} << 8 | static_cast<unsigned char>(c);
    if (const uint32_t* child = children_.find(key)) {
      node = *child;
      continue;
    }
    node = static_cast<uint32_t>(token_of_.size());
    token_of_.push_back(kNone);
    children_.insert(key, node);
  }
  if (token_of_[node] == kNone) token_of_[node] = token;
}

std::vector<SpecialTokens::Match> SpecialTokens::find(std::string_view text) const {
  std::vector<Match> found;
  bool overlap = false;
  size_t covered_to = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (!starts_[static_cast<unsigned char>(text[at])]) continue;
    uint32_t node = 0;
    for (size_t end = at; end < text.size(); ++end) {
      const uint32_t* child = children_.find(uint64_t{node} << 8 | static_cast<unsigned char>(text[end]));
      if (!child) break;
      node = *child;
      if (token_of_[node] == kNone) continue;
      overlap |= at < covered_to;
      covered_to = std::max(covered_to, end + 1);
      found.push_back({at, end + 1 - at, token_of_[node]});
    }
  }
  if (!overlap) return found;

  std::ranges::sort(found, [](const Match& a, const Match& b) {
    return std::tuple(b.bytes, a.token, a.at) < std::tuple(a.bytes, b.token, b.at);
  });
  // What was taken before is at least as long, so an overlap covers a match's first or last byte.
  std::vector<bool> taken(text.size());
  std::erase_if(found, [&](const Match& match) {
    const size_t last = match.at + match.bytes - 1;
    if (taken[match.at] || taken[last]) return true;
    std::fill(taken.begin() + static_cast<std::ptrdiff_t>(match.at),
              taken.begin() + static_cast<std::ptrdiff_t>(last) + 1, true);
    return false;
  });
  std::ranges::sort(found, {}, &Match::at);
  return found;
}

}  // namespace tierscope
