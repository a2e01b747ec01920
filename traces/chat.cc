#include "traces/chat.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "traces/line_reader.h"

namespace tierscope {
namespace {

namespace dom = simdjson::dom;

struct MarkerPair {
  std::string_view start, end;
  bool system_turn;
};
constexpr std::array kMarkers{MarkerPair{"<|turn>", "<turn|>", true},
                              MarkerPair{"<start_of_turn>", "<end_of_turn>", false}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kRoles{{{"user", "user"},
                                                                                {"human", "user"},
                                                                                {"assistant", "model"},
                                                                                {"model", "model"},
                                                                                {"gpt", "model"},
                                                                                {"chatgpt", "model"},
                                                                                {"bing", "model"},
                                                                                {"bard", "model"},
                                                                                {"system", "system"},
                                                                                {"developer", "system"}}};

// A message's content: a text, or OpenAI's list of parts of which the texts count.
std::string content_of(dom::element content, const std::string& where) {
  std::string_view text;
  if (!content.get(text)) return std::string(text);
  if (content.is_null()) return "";
  dom::array parts;
  if (content.get(parts)) throw Error("a message's content is neither a text nor a list of parts", where);
  std::string joined;
  for (const dom::element part : parts)
    if (!part["text"].get(text)) joined += text;
  return joined;
}

Conversation conversation_of(dom::element element, size_t number, const std::string& where) {
  dom::array messages;
  const char *role_key = "role", *content_key = "content";
  if (element["messages"].get(messages)) {
    role_key = "from", content_key = "value";
    if (element["conversations"].get(messages))
      throw Error("neither 'messages' (OpenAI) nor 'conversations' (ShareGPT) is here", where,
                  "each line holds one conversation");
  }
  Conversation conversation;
  std::string_view id;
  conversation.id = element["id"].get(id) ? std::to_string(number) : std::string(id);
  for (const dom::element message : messages) {
    std::string_view role;
    dom::element content;
    if (message[role_key].get(role) || message[content_key].get(content))
      throw Error(fmt::format("a message lacks '{}' or '{}'", role_key, content_key), where);
    // Calls of tools and their results are not part of what Gemma reads as a turn.
    if (role == "tool" || role == "function") continue;
    const auto known = std::ranges::find(kRoles, role, &std::pair<std::string_view, std::string_view>::first);
    if (known == kRoles.end())
      throw Error(fmt::format("unknown role '{}'", printable(role)), where, "known are user, assistant and system");
    conversation.turns.push_back({std::string(known->second), std::string(trim(content_of(content, where)))});
  }
  return conversation;
}

dom::element parse(dom::parser& parser, const std::string& text, const std::string& where) {
  dom::element element;
  if (const auto error = parser.parse(text).get(element))
    throw Error(fmt::format("not JSON ({})", simdjson::error_message(error)), where,
                "chats are JSON Lines or one JSON array");
  return element;
}

}  // namespace

std::optional<ChatMarkers> find_chat_markers(const Tokenizer& tokenizer) {
  const std::string& chat_template = tokenizer.vocabulary().chat_template;
  for (const bool by_template : {true, false})
    for (const MarkerPair& pair : kMarkers) {
      if (by_template && chat_template.find(pair.start) == std::string::npos) continue;
      const auto end = tokenizer.find(pair.end);
      if (end && tokenizer.find(pair.start))
        return ChatMarkers{std::string(pair.start), std::string(pair.end),
                           tokenizer.vocabulary().end_of_turn.value_or(*end), pair.system_turn};
    }
  return std::nullopt;
}

std::string chat_prompt(const ChatMarkers& markers, std::span<const ChatTurn> turns) {
  std::string text, system;
  for (const ChatTurn& turn : turns) {
    if (turn.role == "system" && !markers.system_turn) {
      system += turn.text + "\n\n";
      continue;
    }
    text += fmt::format("{}{}\n{}{}{}\n", markers.turn_start, turn.role, std::exchange(system, ""), turn.text,
                        markers.turn_end);
  }
  return text + markers.turn_start + "model\n";
}

void read_conversations(const std::filesystem::path& path, const std::function<void(const Conversation&)>& take) {
  dom::parser parser;
  LineReader lines(path);
  size_t number = 0;
  for (std::string line; lines.next(line);) {
    if (trim(line).empty()) continue;
    if (number == 0 && trim(line).starts_with('[')) {
      const std::string text = read_text_file(path);
      for (const dom::element element : parse(parser, text, path.string()))
        take(conversation_of(element, number++, fmt::format("{}: element {}", path.string(), number)));
      return;
    }
    const std::string where = fmt::format("{}:{}", path.string(), lines.line_number());
    take(conversation_of(parse(parser, line, where), number++, where));
  }
}

}  // namespace tierscope
