// What `tierscope help TOPIC` explains beside the commands: the texts of help/*.txt, carried by the program.
#pragma once

#include <string>
#include <vector>

namespace tierscope {

struct Topic {
  std::string name;   // "placement"
  std::string title;  // the text's first line
  std::string text;
};
const std::vector<Topic>& topics();

}  // namespace tierscope
