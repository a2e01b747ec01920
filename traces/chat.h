// Gemma's chat turns as text: <start_of_turn>user\n...<end_of_turn>\n (Gemma 3) or <|turn>user\n...<turn|>\n (Gemma 4).
// Which markers a model wants is found in its chat template and its vocabulary. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "traces/tokenizer.h"

namespace tierscope {

struct ChatMarkers {
  std::string turn_start, turn_end;
  TokenId end_of_turn = 0;

  std::string opening(std::string_view role) const { return turn_start + std::string(role) + "\n"; }
  std::string closing() const { return turn_end + "\n"; }
};

// Empty where the vocabulary has no turn markers (a base model).
std::optional<ChatMarkers> find_chat_markers(const Tokenizer& tokenizer);

// "assistant", "gpt", "model" -> "model"; "human", "user" -> "user"; "system" -> "system"; empty for any other.
std::optional<std::string> gemma_role(std::string_view role);

}  // namespace tierscope
