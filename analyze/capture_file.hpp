// A capture file (pcap or pcapng), read by libpcap.
#pragma once

#include <string>

#include "conversation.hpp"

namespace smtpseal::analyze {

struct CaptureResult {
  std::string problem;     // why nothing could be read; empty where something was
  std::string ends_early;  // why it was not read to its end; empty where it was
};
// Feeds every packet to `conversations`. "-" is standard input.
[[nodiscard]] CaptureResult read_capture(const std::string& path, Conversations& conversations);

}  // namespace smtpseal::analyze
