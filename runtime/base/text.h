// Small conversions between text and values that every room needs. All functions are pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tierscope {

// "64MiB", "1.5GiB", "4096", "10kB": bytes. Binary suffixes KiB MiB GiB TiB, decimal kB MB GB TB, plain B or none.
// Empty where `text` is not a size or exceeds 2^63.
std::optional<uint64_t> parse_bytes(std::string_view text);
std::optional<uint64_t> parse_unsigned(std::string_view text);
std::optional<double> parse_double(std::string_view text);

// The shortest exact form: 67108864 -> "64MiB", 9520 -> "9520".
std::string format_bytes_exact(uint64_t bytes);
// Three significant digits for people: "2.50 GB".
std::string format_bytes(uint64_t bytes);

std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
// Foreign text for one line of a message: control characters and invalid bytes as \\xNN, cut after 64 bytes.
std::string printable(std::string_view text);

// The candidate with the smallest edit distance, or "" where none is near enough to be a typing mistake.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);
// "unknown policy 'lur'; did you mean 'lru'?" or the list of what is known.
std::string unknown_name(std::string_view kind, std::string_view name, std::span<const std::string> candidates);

}  // namespace tierscope
