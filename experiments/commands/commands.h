// What each command's file offers to the registry.
#pragma once

#include "experiments/command.h"

namespace tierscope {

Command completion_command();
Command cpu_command();
Command devices_command();
Command help_command();
Command inspect_command();
Command learn_command();
Command mrc_command();
Command policies_command();
Command logits_command();
Command manual_command();
Command probe_command();
Command report_command();
Command run_command();
Command generate_command();
Command pack_command();
Command replay_command();
Command simulate_command();
Command synth_command();
Command synth_ngram_command();
Command tokenize_command();
Command trace_compose_command();
Command trace_convert_command();
Command trace_info_command();
Command trace_record_command();
Command trace_rows_command();
Command tune_command();
Command verify_command();

}  // namespace tierscope
