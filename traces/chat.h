// Conversations and Gemma's way to write them: <start_of_turn>user\n...<end_of_turn>\n (Gemma 3) or
// <|turn>user\n...<turn|>\n (Gemma 4). Which markers a model wants is found in its chat template and its vocabulary.
// Pure, thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "traces/tokenizer.h"

namespace tierscope {

struct ChatTurn {
  std::string role;  // "user", "model" or "system"
  std::string text;
};

struct Conversation {
  std::string id;
  std::vector<ChatTurn> turns;
};

struct ChatMarkers {
  std::string turn_start, turn_end;
  TokenId end_of_turn = 0;
  bool system_turn = false;  // else a system text is put before the user's first
};

// Empty where the vocabulary has no turn markers (a base model).
std::optional<ChatMarkers> find_chat_markers(const Tokenizer& tokenizer);

// The text that the model continues as its next turn.
std::string chat_prompt(const ChatMarkers& markers, std::span<const ChatTurn> turns);

// Reads chat logs: JSON Lines or one JSON array, each element with `messages` of `role` and `content` (OpenAI) or
// `conversations` of `from` and `value` (ShareGPT). Error with file and line where an element is neither.
void read_conversations(const std::filesystem::path& path, const std::function<void(const Conversation&)>& take);

}  // namespace tierscope
