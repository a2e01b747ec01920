#include <fmt/format.h>

#include "experiments/commands/commands.h"
#include "experiments/vocabulary_file.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "traces/recording.h"

namespace tierscope {
namespace {

bool holds_chats(const std::string& kind, const std::filesystem::path& path) {
  if (kind == "chat") return true;
  if (kind == "text") return false;
  if (kind != "auto")
    throw UsageError(unknown_name("kind of input", kind, std::vector<std::string>{"auto", "text", "chat"}), "--kind");
  return path.extension() == ".jsonl" || path.extension() == ".json";
}

int run(const Arguments& arguments) {
  const auto inputs = arguments.all("input");
  if (inputs.empty()) throw UsageError("--input is missing", "", "name a text file or a chat log");
  const Tokenizer tokenizer(read_vocabulary(arguments.text("model")));
  TraceHeader header;
  header.name = arguments.text_or("name", std::filesystem::path(arguments.text("OUT")).stem().stem().string());
  header.license = arguments.text("license");
  header.source = arguments.text_or("source", "");
  header.description = arguments.text_or("description", "");
  TraceRecorder recorder(tokenizer, header);
  const TextPieces pieces{static_cast<uint32_t>(std::min<uint64_t>(arguments.number("piece-tokens"), UINT32_MAX)),
                          static_cast<uint32_t>(std::min<uint64_t>(arguments.number("output-tokens"), UINT32_MAX))};
  for (const std::string& input : inputs) {
    if (holds_chats(arguments.text("kind"), input))
      read_conversations(input, [&](const Conversation& chat) { recorder.add_conversation(chat); });
    else
      recorder.add_text(std::filesystem::path(input).filename().string(), read_text_file(input), pieces);
  }
  recorder.write(arguments.text("OUT"));
  if (!arguments.flag("quiet"))
    fmt::print(stderr, "{}: {} requests, {} tokens\n", arguments.text("OUT"), recorder.trace().requests.size(),
               recorder.trace().token_count());
  return 0;
}

}  // namespace

Command trace_record_command() {
  return {
      "trace record",
      "a token trace from text files or chat logs",
      "Texts are cut into requests of --piece-tokens. Chat logs (JSON Lines or a JSON array; OpenAI messages or "
      "ShareGPT conversations) give one request for each of the model's turns. BOS and turn markers are the model's.",
      {{"OUT", "the trace to write; .zst compresses", true}},
      {{"model", "MODEL", "GGUF file with a vocabulary, or tokenizer.json", "", false, 0},
       {"input", "FILE", "text or chat log", "", true, 0},
       {"kind", "KIND", "text, chat, or auto: .json and .jsonl are chats", "auto", false, 0},
       {"piece-tokens", "N", "tokens of a request made from text", "8192", false, 0},
       {"output-tokens", "N", "of these, how many are output", "0", false, 0},
       {"name", "NAME", "the trace's name (default: the file's)", "", false, 0},
       {"license", "TEXT", "the licence of the data", "unknown", false, 0},
       {"source", "TEXT", "where the data comes from", "", false, 0},
       {"description", "TEXT", "what the data is", "", false, 0},
       options::quiet()},
      {{"tierscope trace record readme.jsonl.zst --model gemma.gguf --input README.md --license MIT",
        "a trace of one text"}},
      run};
}

}  // namespace tierscope
