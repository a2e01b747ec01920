// A text file that the build put into the program (CMake's tierscope_embed).
#pragma once

#include <string_view>

namespace tierscope {

struct EmbeddedText {
  std::string_view name, text;  // name: the file's, without its folder
};

}  // namespace tierscope
