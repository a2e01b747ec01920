#include "traces/trace_statistics.h"

#include <algorithm>
#include <bit>

#include "traces/flat_map.h"

namespace tierscope {
namespace {

constexpr uint32_t kNever = UINT32_MAX;

// Rows renamed 0, 1, ... in order of first access.
struct DenseStream {
  std::vector<uint32_t> ids;
  std::vector<RowId> row_of;

  explicit DenseStream(std::span<const RowId> rows) {
    FlatMap<uint32_t> id_of;
    ids.reserve(rows.size());
    for (const RowId row : rows) {
      const uint32_t* known = id_of.find(row);
      ids.push_back(known ? *known : static_cast<uint32_t>(row_of.size()));
      if (known) continue;
      id_of.insert(row, static_cast<uint32_t>(row_of.size()));
      row_of.push_back(row);
    }
  }
};

// How many marks lie in a range of places: a Fenwick tree.
class Marks {
 public:
  explicit Marks(size_t places) : sums_(places + 1) {}
  void add(size_t place, int32_t change) {
    for (size_t i = place + 1; i < sums_.size(); i += i & -i) sums_[i] += change;
  }
  int64_t before(size_t place) const {
    int64_t sum = 0;
    for (size_t i = place; i > 0; i -= i & -i) sum += sums_[i];
    return sum;
  }

 private:
  std::vector<int32_t> sums_;
};

std::vector<RowCount> count_rows(const DenseStream& stream) {
  std::vector<RowCount> counts(stream.row_of.size());
  for (size_t i = 0; i < counts.size(); ++i) counts[i].row = stream.row_of[i];
  for (const uint32_t id : stream.ids) ++counts[id].accesses;
  std::ranges::sort(counts, [](const RowCount& a, const RowCount& b) {
    return a.accesses != b.accesses ? a.accesses > b.accesses : a.row < b.row;
  });
  return counts;
}

// The last access of every row is marked; between two accesses lie as many distinct rows as marks (Bennett and Kruskal,
// IBM Journal of R&D 19(4), 1975).
std::vector<ReuseBucket> reuse_distances(const DenseStream& stream) {
  std::vector<ReuseBucket> buckets;
  std::vector<uint32_t> last(stream.row_of.size(), kNever);
  Marks marks(stream.ids.size());
  for (uint32_t at = 0; at < stream.ids.size(); ++at) {
    uint32_t& previous = last[stream.ids[at]];
    if (previous != kNever) {
      const uint64_t distance = static_cast<uint64_t>(marks.before(at) - marks.before(previous));
      const size_t bucket = static_cast<size_t>(std::bit_width(distance - 1));
      while (buckets.size() <= bucket) buckets.push_back({uint64_t{1} << buckets.size(), 0});
      ++buckets[bucket].accesses;
      marks.add(previous, -1);
    }
    marks.add(at, 1);
    previous = at;
  }
  return buckets;
}

// A row is in the windows that end within `window` accesses after one of its accesses and before its next (Denning and
// Schwartz, CACM 15(3), 1972): the mean size is the mean of min(window, time to the next access).
std::vector<WorkingSetPoint> working_sets(const DenseStream& stream) {
  const uint64_t size = stream.ids.size();
  std::vector<WorkingSetPoint> points;
  for (uint64_t window = 1; window < size; window *= 2) points.push_back({window, 0});
  points.push_back({size, 0});
  std::vector<uint64_t> next(stream.row_of.size(), size);
  for (uint64_t at = size; at-- > 0;) {
    const uint64_t gap = next[stream.ids[at]] - at;
    for (WorkingSetPoint& point : points) point.mean_rows += static_cast<double>(std::min(point.window, gap));
    next[stream.ids[at]] = at;
  }
  for (WorkingSetPoint& point : points) point.mean_rows /= static_cast<double>(size);
  return points;
}

}  // namespace

StreamStatistics stream_statistics(std::span<const RowId> rows) {
  if (rows.empty()) return {};
  const DenseStream stream(rows);
  return {rows.size(), count_rows(stream), reuse_distances(stream), working_sets(stream)};
}

}  // namespace tierscope
