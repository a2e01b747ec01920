#include "traces/chat.h"

#include <array>

namespace tierscope {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kMarkers{
    {{"<|turn>", "<turn|>"}, {"<start_of_turn>", "<end_of_turn>"}}};

}  // namespace

std::optional<ChatMarkers> find_chat_markers(const Tokenizer& tokenizer) {
  const std::string& chat_template = tokenizer.vocabulary().chat_template;
  for (const bool by_template : {true, false})
    for (const auto& [start, end] : kMarkers) {
      if (by_template && chat_template.find(start) == std::string::npos) continue;
      const auto end_token = tokenizer.find(end);
      if (end_token && tokenizer.find(start)) return ChatMarkers{std::string(start), std::string(end), *end_token};
    }
  return std::nullopt;
}

std::optional<std::string> gemma_role(std::string_view role) {
  if (role == "assistant" || role == "gpt" || role == "model" || role == "chatgpt" || role == "bing") return "model";
  if (role == "user" || role == "human") return "user";
  if (role == "system" || role == "developer") return "system";
  return std::nullopt;
}

}  // namespace tierscope
