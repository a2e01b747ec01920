#include "runtime/placement/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/placement/policy.h"

namespace tierscope {
namespace {

template <class E, size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

constexpr Names<Tier, 3> kTiers{{{Tier::nvme, "nvme"}, {Tier::ram, "ram"}, {Tier::vram, "vram"}}};
constexpr Names<AccessMethod, 3> kAccess{
    {{AccessMethod::io_uring, "io_uring"}, {AccessMethod::mmap, "mmap"}, {AccessMethod::pread, "pread"}}};
constexpr Names<Layout, 2> kLayouts{{{Layout::gguf, "gguf"}, {Layout::packed, "packed"}}};
constexpr Names<CachingUnit, 2> kUnits{{{CachingUnit::row, "row"}, {CachingUnit::page, "page"}}};
constexpr Names<Inclusion, 2> kInclusions{{{Inclusion::inclusive, "inclusive"}, {Inclusion::exclusive, "exclusive"}}};

template <class E, size_t N>
std::string_view name_in(const Names<E, N>& names, E value) {
  return std::ranges::find(names, value, [](const auto& entry) { return entry.first; })->second;
}

template <class E, size_t N>
E value_in(const Names<E, N>& names, std::string_view kind, std::string_view text) {
  for (const auto& [value, known] : names)
    if (known == text) return value;
  std::vector<std::string> known;
  for (const auto& entry : names) known.emplace_back(entry.second);
  throw UsageError(unknown_name(kind, text, known));
}

// Splits at `separator` outside backslash escapes, which stay in the parts.
std::vector<std::string> split_escaped(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size())
      parts.back() += text[i], parts.back() += text[++i];
    else if (text[i] == separator)
      parts.emplace_back();
    else
      parts.back() += text[i];
  }
  return parts;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) out += text[i] == '\\' && i + 1 < text.size() ? text[++i] : text[i];
  return out;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == ':' || c == ',' || c == '+' || c == '=') out += '\\';
    out += c;
  }
  return out;
}

std::pair<std::string, std::string> key_value(std::string_view text) {
  const auto parts = split_escaped(text, '=');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty())
    throw UsageError(fmt::format("'{}' is not KEY=VALUE", text));
  return {unescape(parts[0]), unescape(parts[1])};
}

Capacity parse_capacity(std::string_view text) {
  Capacity capacity;
  if (text.ends_with("rows")) {
    const auto rows = parse_unsigned(text.substr(0, text.size() - 4));
    if (!rows) throw UsageError(fmt::format("'{}' is not a number of rows, as in '4096rows'", text));
    capacity = {Capacity::Kind::rows, static_cast<double>(*rows)};
  } else if (text.ends_with("%")) {
    const auto share = parse_double(text.substr(0, text.size() - 1));
    if (!share || *share < 0 || *share > 100)
      throw UsageError(fmt::format("'{}' is not a share of the table between 0% and 100%", text));
    capacity = {Capacity::Kind::percent, *share};
  } else {
    const auto bytes = parse_bytes(text);
    if (!bytes) throw UsageError(fmt::format("'{}' is not a capacity; write 64MiB, 4096rows or 5%", text));
    capacity = {Capacity::Kind::bytes, static_cast<double>(*bytes)};
  }
  if (capacity.value == 0)
    throw UsageError(fmt::format("a cache of '{}' holds nothing; give it a row or leave it out", text));
  return capacity;
}

std::string to_text(const Capacity& capacity) {
  switch (capacity.kind) {
    case Capacity::Kind::rows:
      return fmt::format("{}rows", static_cast<uint64_t>(capacity.value));
    case Capacity::Kind::percent:
      return fmt::format("{}%", capacity.value);
    case Capacity::Kind::bytes:
      return format_bytes_exact(static_cast<uint64_t>(capacity.value));
  }
  return {};
}

CacheSpec parse_cache(std::string_view text) {
  const auto parts = split_escaped(text, ':');
  CacheSpec cache;
  cache.tier = value_in(kTiers, "tier", parts[0]);
  if (parts.size() < 3)
    throw UsageError(fmt::format("the cache '{}' needs a capacity and a policy, as in 'ram:64MiB:lru'", text));
  cache.capacity = parse_capacity(parts[1]);
  cache.policy.name = parts[2];
  for (size_t i = 3; i < parts.size(); ++i) cache.policy.parameters.push_back(key_value(parts[i]));
  find_policy(cache.policy);
  return cache;
}

Prefetch parse_prefetch(std::string_view text) {
  Prefetch prefetch;
  if (text == "none") return prefetch;
  for (const std::string& part : split(text, '+')) {
    if (part == "overlap") {
      prefetch.overlap = true;
    } else if (part == "prompt") {
      prefetch.prompt = true;
    } else if (part.starts_with("draft:")) {
      const auto count = parse_unsigned(std::string_view(part).substr(6));
      if (!count || *count == 0 || *count > 1024)
        throw UsageError(fmt::format("'{}' needs 1 to 1024 tokens, as in 'draft:4'", part));
      prefetch.draft = static_cast<uint32_t>(*count);
    } else {
      const std::vector<std::string> known{"none", "overlap", "prompt", "draft:K"};
      throw UsageError(unknown_name("prefetch", part, known));
    }
  }
  return prefetch;
}

std::string to_text(const Prefetch& prefetch) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "+") + part; };
  if (prefetch.prompt) add("prompt");
  if (prefetch.overlap) add("overlap");
  if (prefetch.draft > 0) add(fmt::format("draft:{}", prefetch.draft));
  return text.empty() ? "none" : text;
}

void apply_option(Placement& placement, const std::string& key, const std::string& value) {
  static const std::vector<std::string> known{"prefetch", "access", "layout", "unit", "inclusion"};
  if (key == "prefetch")
    placement.prefetch = parse_prefetch(value);
  else if (key == "access")
    placement.access = value_in(kAccess, "access", value);
  else if (key == "layout")
    placement.layout = value_in(kLayouts, "layout", value);
  else if (key == "unit")
    placement.unit = value_in(kUnits, "unit", value);
  else if (key == "inclusion")
    placement.inclusion = value_in(kInclusions, "inclusion", value);
  else
    throw UsageError(unknown_name("placement option", key, known));
}

void check_layout(const Placement& placement) {
  if (placement.layout == Layout::packed && placement.backing != Tier::nvme)
    throw UsageError("layout=packed is how rows lie on nvme; with another backing tier leave it out");
}

void check_order(const Placement& placement) {
  Tier below = placement.backing;
  for (const CacheSpec& cache : placement.caches) {
    if (cache.tier == below)
      throw UsageError(fmt::format("the tier '{}' appears twice; name each tier once", name(cache.tier)));
    if (cache.tier < below)
      throw UsageError(fmt::format("'{}' cannot cache '{}'; write tiers bottom to top: nvme, ram, vram",
                                   name(cache.tier), name(below)));
    below = cache.tier;
  }
}

}  // namespace

std::string_view name(Tier tier) {
  return name_in(kTiers, tier);
}
std::string_view name(AccessMethod access) {
  return name_in(kAccess, access);
}
std::string_view name(Layout layout) {
  return name_in(kLayouts, layout);
}
std::string_view name(CachingUnit unit) {
  return name_in(kUnits, unit);
}
std::string_view name(Inclusion inclusion) {
  return name_in(kInclusions, inclusion);
}

uint64_t Capacity::rows(uint64_t table_rows, uint64_t row_bytes) const {
  switch (kind) {
    case Kind::rows:
      return static_cast<uint64_t>(value);
    case Kind::percent:
      return static_cast<uint64_t>(std::floor(static_cast<double>(table_rows) * value / 100));
    case Kind::bytes:
      return static_cast<uint64_t>(value) / row_bytes;
  }
  return 0;
}

Placement parse_placement(std::string_view text) try {
  Placement placement;
  const auto parts = split_escaped(text, ',');
  const auto tiers = split_escaped(parts[0], '+');
  if (tiers[0].find(':') != std::string::npos)
    throw UsageError(fmt::format("the backing tier '{}' holds the whole table and takes no capacity", tiers[0]));
  placement.backing = value_in(kTiers, "tier", tiers[0]);
  for (size_t i = 1; i < tiers.size(); ++i) placement.caches.push_back(parse_cache(tiers[i]));
  check_order(placement);
  for (size_t i = 1; i < parts.size(); ++i) {
    const auto [key, value] = key_value(parts[i]);
    apply_option(placement, key, value);
  }
  check_layout(placement);
  return placement;
} catch (const UsageError& error) {
  throw UsageError(error.what(), fmt::format("placement '{}'", text));
}

std::string to_text(const Placement& placement) {
  std::string text(name(placement.backing));
  for (const CacheSpec& cache : placement.caches) {
    text += fmt::format("+{}:{}:{}", name(cache.tier), to_text(cache.capacity), cache.policy.name);
    for (const auto& [key, value] : cache.policy.parameters) text += fmt::format(":{}={}", escape(key), escape(value));
  }
  const Placement plain;
  if (placement.prefetch != plain.prefetch) text += ",prefetch=" + to_text(placement.prefetch);
  if (placement.access != plain.access) text += fmt::format(",access={}", name(placement.access));
  if (placement.layout != plain.layout) text += fmt::format(",layout={}", name(placement.layout));
  if (placement.unit != plain.unit) text += fmt::format(",unit={}", name(placement.unit));
  if (placement.inclusion != plain.inclusion) text += fmt::format(",inclusion={}", name(placement.inclusion));
  return text;
}

}  // namespace tierscope
