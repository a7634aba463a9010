#include "capture_file.hpp"

#include <pcap/pcap.h>

#include <array>
#include <memory>
#include <optional>

namespace smtpseal::analyze {

namespace {

std::optional<LinkType> link_type(int number) {
  switch (number) {
    case DLT_EN10MB:
      return LinkType::ethernet;
    case DLT_LINUX_SLL:
      return LinkType::linux_sll;
    case DLT_LINUX_SLL2:
      return LinkType::linux_sll2;
    case DLT_NULL:
    case DLT_LOOP:
      return LinkType::loopback;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return LinkType::raw_ip;
    default:
      return std::nullopt;
  }
}

std::string link_name(int number) {
  const char* name = ::pcap_datalink_val_to_name(number);
  return name != nullptr ? name : std::to_string(number);
}

}  // namespace

CaptureResult read_capture(const std::string& path, Conversations& conversations) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  const std::unique_ptr<pcap_t, decltype(&::pcap_close)> capture(
      ::pcap_open_offline(path.c_str(), error.data()), &::pcap_close);
  if (!capture) return {error.data(), {}};
  const int number = ::pcap_datalink(capture.get());
  const auto link = link_type(number);
  if (!link)
    return {"captures of link type " + link_name(number) +
                " cannot be read, only Ethernet, tcpdump -i any, IP and loopback",
            {}};
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int status = 0;
  std::uint64_t packets = 0;
  while ((status = ::pcap_next_ex(capture.get(), &header, &data)) == 1) {
    conversations.add(*link, std::as_bytes(std::span(data, header->caplen)), header->len, header->ts.tv_sec);
    ++packets;
  }
  const std::string error_text = status == PCAP_ERROR_BREAK ? std::string() : ::pcap_geterr(capture.get());
  return packets == 0 ? CaptureResult{error_text, {}} : CaptureResult{{}, error_text};
}

}  // namespace smtpseal::analyze
