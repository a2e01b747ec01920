// A placement as a value and as text (DESIGN.md, "Placement, as text"):
//   BACKING[+TIER:CAPACITY:POLICY[:KEY=VALUE]...]...[,KEY=VALUE]...
// parse_placement(to_text(p)) == p and to_text(parse_placement(t)) is t in its canonical form. Pure, thread-safe.
// Errors: UsageError naming the part, the nearest known word and the text.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tierscope {

enum class Tier { nvme, ram, vram };  // bottom to top
enum class AccessMethod { io_uring, mmap, pread };
enum class Layout { gguf, packed };
enum class CachingUnit { row, page };
enum class Inclusion { inclusive, exclusive };

std::string_view name(Tier tier);
std::string_view name(AccessMethod access);
std::string_view name(Layout layout);
std::string_view name(CachingUnit unit);
std::string_view name(Inclusion inclusion);

struct Capacity {
  enum class Kind { bytes, rows, percent };
  Kind kind = Kind::bytes;
  double value = 0;
  bool operator==(const Capacity&) const = default;

  // Slots of a cache over a table of `table_rows` rows of `row_bytes`: floor, may be 0.
  uint64_t rows(uint64_t table_rows, uint64_t row_bytes) const;
};

struct PolicySpec {
  std::string name;
  std::vector<std::pair<std::string, std::string>> parameters;  // in the order written
  bool operator==(const PolicySpec&) const = default;
};

struct CacheSpec {
  Tier tier = Tier::ram;
  Capacity capacity;
  PolicySpec policy;
  bool operator==(const CacheSpec&) const = default;
};

struct Prefetch {
  bool overlap = false;  // reads start at the step's start and are awaited just before first use
  bool prompt = false;   // later chunks' rows are read during earlier chunks
  uint32_t draft = 0;    // rows of this many likely next tokens are read ahead
  bool operator==(const Prefetch&) const = default;
};

struct Placement {
  Tier backing = Tier::nvme;
  std::vector<CacheSpec> caches;  // bottom to top, each above the one before
  Prefetch prefetch;
  AccessMethod access = AccessMethod::io_uring;
  Layout layout = Layout::gguf;
  CachingUnit unit = CachingUnit::row;
  Inclusion inclusion = Inclusion::inclusive;
  bool operator==(const Placement&) const = default;
};

inline Tier top_tier(const Placement& placement) {
  return placement.caches.empty() ? placement.backing : placement.caches.back().tier;
}

// Policies and their parameters are checked against the registry; capacities against a table only by the planner.
Placement parse_placement(std::string_view text);
std::string to_text(const Placement& placement);

}  // namespace tierscope
