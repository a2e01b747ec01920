#include "traces/tokenizer/utf8.h"

#include <algorithm>

namespace tierscope {

Utf8Character first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {Utf8::valid, 1, lead};
  const size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                        : lead >= 0xE0 && lead <= 0xEF ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
  if (length == 0) return {};
  char32_t code_point = lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Utf8::incomplete, 1, 0};
    unsigned least = 0x80, most = 0xBF;
    if (i == 1) {
      if (lead == 0xE0) least = 0xA0;
      if (lead == 0xED) most = 0x9F;
      if (lead == 0xF0) least = 0x90;
      if (lead == 0xF4) most = 0x8F;
    }
    if (byte(i) < least || byte(i) > most) return {};
    code_point = code_point << 6 | (byte(i) & 0x3F);
  }
  return {Utf8::valid, length, code_point};
}

size_t incomplete_tail_bytes(std::string_view text) {
  for (size_t bytes = std::min<size_t>(3, text.size()); bytes > 0; --bytes)
    if (first_character(text.substr(text.size() - bytes)).state == Utf8::incomplete) return bytes;
  return 0;
}

}  // namespace tierscope
