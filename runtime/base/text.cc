#include "runtime/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

namespace tierscope {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};
constexpr std::array kUnits{Unit{"", 1},
                            Unit{"B", 1},
                            Unit{"KiB", 1024},
                            Unit{"MiB", 1048576},
                            Unit{"GiB", 1073741824},
                            Unit{"TiB", 1099511627776.0},
                            Unit{"kB", 1e3},
                            Unit{"KB", 1e3},
                            Unit{"MB", 1e6},
                            Unit{"GB", 1e9},
                            Unit{"TB", 1e12}};

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<uint64_t> parse_unsigned(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  const size_t unit_at = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto unit = std::ranges::find(kUnits, text.substr(unit_at), &Unit::name);
  if (unit == kUnits.end()) return std::nullopt;
  const std::string_view number = text.substr(0, unit_at);
  if (const auto whole = parse_unsigned(number)) {
    if (static_cast<double>(*whole) * unit->factor >= 0x1p63) return std::nullopt;
    return *whole * static_cast<uint64_t>(unit->factor);
  }
  const auto value = parse_double(number);
  if (!value || *value < 0 || *value * unit->factor >= 0x1p63) return std::nullopt;
  return static_cast<uint64_t>(*value * unit->factor);
}

std::string format_bytes_exact(uint64_t bytes) {
  constexpr std::array suffixes{"", "KiB", "MiB", "GiB", "TiB"};
  size_t i = 0;
  while (bytes != 0 && bytes % 1024 == 0 && i + 1 < suffixes.size()) bytes /= 1024, ++i;
  return fmt::format("{}{}", bytes, suffixes[i]);
}

std::string format_bytes(uint64_t bytes) {
  constexpr std::array suffixes{"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t i = 0;
  while (value >= 999.5 && i + 1 < suffixes.size()) value /= 1000, ++i;
  if (i == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, suffixes[i]);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t start = 0;;) {
    const size_t end = text.find(separator, start);
    parts.emplace_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string printable(std::string_view text) {
  constexpr size_t kLongest = 64;
  std::string out;
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return text.size() > kLongest ? out + "..." : out;
}

std::string nearest_name(std::string_view name, std::span<const std::string> candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) best = candidate, best_distance = distance;
  }
  return best;
}

std::string unknown_name(std::string_view kind, std::string_view name, std::span<const std::string> candidates) {
  const std::string near = nearest_name(name, candidates);
  if (!near.empty()) return fmt::format("unknown {} '{}'; did you mean '{}'?", kind, name, near);
  return fmt::format("unknown {} '{}'; known: {}", kind, name, fmt::join(candidates, ", "));
}

}  // namespace tierscope
