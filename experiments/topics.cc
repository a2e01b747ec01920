#include "experiments/topics.h"

#include "runtime/base/embedded_text.h"

namespace tierscope {

const std::vector<EmbeddedText>& help_texts();  // made by the build from help/*.txt

const std::vector<Topic>& topics() {
  static const std::vector<Topic> all = [] {
    std::vector<Topic> list;
    for (const EmbeddedText& file : help_texts())
      list.push_back({std::string(file.name.substr(0, file.name.find('.'))),
                      std::string(file.text.substr(0, file.text.find('\n'))), std::string(file.text)});
    return list;
  }();
  return all;
}

}  // namespace tierscope
