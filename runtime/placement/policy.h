// A placement policy decides which rows a cache of `slots` slots keeps. It is pure: row ids in, slots and victims out;
// no clock, no I/O, no global state; the same accesses give the same outcomes. To add one: one file in policies/ that
// derives from PolicyBase and returns its PolicyInfo, and one line in registry.cc. Not thread-safe: one owner each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/placement/page_unit.h"
#include "runtime/placement/placement.h"
#include "traces/addressing.h"

namespace tierscope {

inline constexpr uint32_t kNoSlot = UINT32_MAX;
inline constexpr RowId kNoRow = UINT32_MAX;
inline constexpr uint32_t kNeverUsed = UINT32_MAX;  // next use of a row that is not used again

// What one access did to a cache.
struct Outcome {
  uint32_t slot = kNoSlot;  // where the row is (hit) or goes (miss); kNoSlot: a miss that is not admitted
  RowId victim = kNoRow;    // the row that had the slot until now
  bool hit = false;
};

struct Miss {
  uint32_t at = 0;          // which access
  uint32_t slot = kNoSlot;  // as in Outcome
  RowId victim = kNoRow;
};

class Policy {
 public:
  virtual ~Policy() = default;

  // One access after another, in token order; gives the number of misses and writes them to `misses`, which has room
  // for one an access. Hits leave every slot as it is. `next_use`, for offline policies only (null otherwise), holds
  // for each access the trace position of the row's next access, or kNeverUsed.
  virtual size_t access(std::span<const RowId> rows, const uint32_t* next_use, Miss* misses) = 0;

  // For exclusive caches. `take`: the row moves up; gives the slot it had, or kNoSlot where it was not resident.
  // `insert`: a row comes down from above; like a miss, but no access. Both leave no more than `slots` residents.
  virtual uint32_t take(RowId row) = 0;
  virtual Outcome insert(RowId row, uint32_t next_use) = 0;

  virtual uint32_t slot_of(RowId row) const = 0;  // kNoSlot where not resident
  // Rows to load before the first access; row i of it starts in slot i.
  virtual std::vector<RowId> preload() const { return {}; }
  // Row ids up to `rows` may come (sparse tables grow as rows are seen).
  virtual void grow(uint64_t rows) = 0;
  // Invariants, re-checked at the end of a run; throws std::logic_error where one is broken.
  virtual void check() const = 0;
  virtual uint64_t state_bytes() const = 0;
};

struct PolicyParameter {
  std::string name, default_value, help;
};

struct PolicyContext {
  uint32_t slots = 0;       // at least 1
  uint64_t table_rows = 0;  // row ids are below it
  uint64_t seed = 1;
  std::vector<std::pair<std::string, std::string>> parameters;
  const struct PolicyInfo* info = nullptr;
  // The id by which the policy will see a row of the table: another one where the planner numbers the rows it meets
  // (sparse tables). Null: the same.
  std::function<RowId(RowId)> local_id = nullptr;
  uint64_t sparse_table_rows = 0;  // with local_id: the rows of the table itself

  // unit=page: which pages the table's rows lie in, while the policy is made; null with unit=row.
  const PageMap* pages = nullptr;

  uint64_t full_table_rows() const { return local_id ? sparse_table_rows : table_rows; }
  // The value of `key`, or the parameter's default as PolicyInfo declares it. The typed ones throw UsageError naming
  // policy, parameter and what it takes.
  std::string_view parameter(std::string_view key) const;
  uint64_t whole_number(std::string_view key, uint64_t low, uint64_t high) const;
  double number(std::string_view key, double low, double high) const;
  // "10%" of the slots, rounded down, but at least `low` and at most `high`.
  uint32_t share_of_slots(std::string_view key, uint32_t low, uint32_t high) const;
};

struct PolicyInfo {
  std::string name;
  std::string summary;  // one line
  std::string paper;    // reference, with the deviations in the policy's file
  std::vector<PolicyParameter> parameters;
  bool offline = false;  // needs next_use
  std::function<std::unique_ptr<Policy>(const PolicyContext&)> make;
  bool pins = false;  // holds what it preloads and nothing else, so it takes no common parameters
};

// All policies, in the order of `tierscope policies`.
const std::vector<PolicyInfo>& policies();
// Parameters that every policy takes but those that only pin: admission, and a pinned head in front.
const std::vector<PolicyParameter>& common_parameters();
// UsageError with the nearest name, or with the nearest parameter, where the spec is wrong.
const PolicyInfo& find_policy(const PolicySpec& spec);
// `context` without parameters and info: these come from the spec.
std::unique_ptr<Policy> make_policy(const PolicySpec& spec, PolicyContext context);

// Turns one-row functions of a derived class into the interface above, so that a batch costs one virtual call.
// Derived has: Outcome touch(RowId, uint32_t next_use); and hides nothing else.
template <class Derived>
class PolicyBase : public Policy {
 public:
  size_t access(std::span<const RowId> rows, const uint32_t* next_use, Miss* misses) override {
    Derived& self = static_cast<Derived&>(*this);
    size_t count = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      const Outcome outcome = self.touch(rows[i], next_use ? next_use[i] : kNeverUsed);
      if (!outcome.hit) misses[count++] = {static_cast<uint32_t>(i), outcome.slot, outcome.victim};
    }
    return count;
  }
  Outcome insert(RowId row, uint32_t next_use) override { return static_cast<Derived&>(*this).touch(row, next_use); }
};

}  // namespace tierscope
