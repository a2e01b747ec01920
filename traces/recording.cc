#include "traces/recording.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/error.h"

namespace tierscope {

std::string tokenizer_text(const Tokenizer& tokenizer) {
  return fmt::format("{} vocabulary ({}), {} entries", find_chat_markers(tokenizer) ? "Gemma" : "Other",
                     tokenizer.vocabulary().kind, tokenizer.size());
}

TraceRecorder::TraceRecorder(const Tokenizer& tokenizer, TraceHeader header)
    : tokenizer_(tokenizer), encoder_(tokenizer), trace_{std::move(header), {}} {
  trace_.header.vocab_size = tokenizer.size();
  trace_.header.tokenizer = tokenizer_text(tokenizer);
}

std::vector<TokenId> TraceRecorder::with_bos(std::string_view text) {
  std::vector<TokenId> ids;
  const Vocabulary& vocabulary = tokenizer_.vocabulary();
  if (vocabulary.add_bos && vocabulary.bos) ids.push_back(*vocabulary.bos);
  encoder_.encode(text, ids);
  return ids;
}

void TraceRecorder::add_text(const std::string& id, std::string_view text, const TextPieces& pieces) {
  if (pieces.tokens < 2 || pieces.output_tokens >= pieces.tokens - 1)
    throw UsageError(fmt::format("pieces of {} tokens cannot end in {} of output", pieces.tokens, pieces.output_tokens),
                     "--piece-tokens, --output-tokens", "leave at least two for the prompt");
  std::vector<TokenId> ids;
  encoder_.encode(text, ids);
  const Vocabulary& vocabulary = tokenizer_.vocabulary();
  const bool bos = vocabulary.add_bos && vocabulary.bos;
  const size_t step = pieces.tokens - (bos ? 1 : 0);
  for (size_t at = 0, piece = 0; at < ids.size(); at += step, ++piece) {
    const size_t count = std::min(step, ids.size() - at);
    const size_t output = std::min<size_t>(pieces.output_tokens, count - 1);
    const auto first = ids.begin() + static_cast<std::ptrdiff_t>(at);
    const auto split = first + static_cast<std::ptrdiff_t>(count - output);
    Request& request = trace_.requests.emplace_back();
    request.id = fmt::format("{}#{}", id, piece);
    if (bos) request.prompt.push_back(*vocabulary.bos);
    request.prompt.insert(request.prompt.end(), first, split);
    request.output.assign(split, split + static_cast<std::ptrdiff_t>(output));
  }
}

void TraceRecorder::add_conversation(const Conversation& conversation) {
  const auto markers = find_chat_markers(tokenizer_);
  if (!markers)
    throw Error("the vocabulary has no turn markers, so chats cannot be written as the model reads them",
                tokenizer_.vocabulary().origin, "use an instruction-tuned model's file, or record the texts");
  const std::span turns(conversation.turns);
  const auto add = [&](size_t before) -> Request& {
    Request& request = trace_.requests.emplace_back();
    request.id = fmt::format("{}#{}", conversation.id, before);
    request.prompt = with_bos(chat_prompt(*markers, turns.first(before)));
    return request;
  };
  bool answered = false;
  for (size_t i = 1; i < turns.size(); ++i) {
    if (turns[i].role != "model") continue;
    answered = true;
    Request& request = add(i);
    encoder_.encode(turns[i].text, request.output);
    request.output.push_back(markers->end_of_turn);
  }
  if (!answered && !turns.empty() && turns.back().role == "user") add(turns.size());
}

void TraceRecorder::write(const std::filesystem::path& path) {
  if (trace_.requests.empty()) throw Error("nothing was recorded", path.string(), "the inputs hold no text");
  write_trace(path, trace_);
}

}  // namespace tierscope
