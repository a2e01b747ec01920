// The decoder on a device (runtime/compute/device.h).
#pragma once

#include <memory>

#include "runtime/compute/device.h"
#include "runtime/model/decoder.h"

namespace tierscope {

// `device` must outlive the decoder and belong to its thread. Rows come as host pointers, or from a DeviceStepRows of
// the same device without leaving it. Errors: those of make_cpu_decoder, and Error where the device has no room, which
// is known before a weight is read. What it would allocate on the device.
DecoderMemory device_decoder_memory(const GgufFile& file, const DecoderOptions& options);

std::unique_ptr<Decoder> make_device_decoder(const GgufFile& file, const DecoderOptions& options, Device& device);

}  // namespace tierscope
