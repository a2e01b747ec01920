// UTF-8, strictly (no surrogates, no overlong forms, nothing above U+10FFFF). Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace tierscope {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581, a space within tokens

enum class Utf8 { valid, invalid, incomplete };

struct Utf8Character {
  Utf8 state = Utf8::invalid;
  size_t bytes = 1;  // of a valid character; of an invalid byte: 1
  char32_t code_point = 0;
};

// The character that `text` (not empty) starts with; incomplete where it ends within a character.
Utf8Character first_character(std::string_view text);

// Bytes at the end of `text` that may yet become a character.
size_t incomplete_tail_bytes(std::string_view text);

}  // namespace tierscope
