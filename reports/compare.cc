#include "reports/compare.h"

#include <cmath>
#include <unordered_map>

namespace tierscope {
namespace {

constexpr double kSmallestChange = 0.01;

Verdict judge(const Difference& difference, Better better) {
  if (std::abs(difference.relative) < kSmallestChange) return Verdict::same;
  if (!difference.confidence) return Verdict::unknown;
  if (difference.confidence->low <= 0 && difference.confidence->high >= 0) return Verdict::same;
  return (difference.relative > 0) == (better == Better::higher) ? Verdict::improvement : Verdict::regression;
}

}  // namespace

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::regression:
      return "regression";
    case Verdict::improvement:
      return "improvement";
    case Verdict::same:
      return "same";
    case Verdict::unknown:
      return "unknown";
  }
  return "";
}

Comparison compare(const RunSummary& a, const RunSummary& b) {
  std::unordered_map<std::string, size_t> in_b;
  for (size_t i = 0; i < b.cells.size(); ++i) in_b.emplace(b.cells[i].axes.id(), i);
  Comparison comparison;
  std::vector<bool> matched(b.cells.size(), false);
  for (size_t i = 0; i < a.cells.size(); ++i) {
    const auto found = in_b.find(a.cells[i].axes.id());
    if (found == in_b.end()) {
      comparison.only_a.push_back(i);
      continue;
    }
    matched[found->second] = true;
    for (size_t m = 0; m < metrics().size(); ++m) {
      const auto &before = a.cells[i].figures[m], &after = b.cells[found->second].figures[m];
      if (metrics()[m].better == Better::neither || !before || !after) continue;
      if (const auto change = difference(*before, *after))
        comparison.changes.push_back({i, found->second, m, *change, judge(*change, metrics()[m].better)});
    }
  }
  for (size_t i = 0; i < b.cells.size(); ++i)
    if (!matched[i]) comparison.only_b.push_back(i);
  return comparison;
}

}  // namespace tierscope
