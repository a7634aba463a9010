// Collects the header fields of one message that pretend to come from this host, in the way a milter has to
// name them for removal: by field name and by how many of that name came before. Bounded: only kMost of them
// are remembered.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace smtpseal::milter {

class ForgedFields {
 public:
  // Postfix walks through the headers from the start for each removal: the cost grows with the square.
  static constexpr std::size_t kMost = 100;

  struct Removal {
    std::string_view name;
    int ordinal;  // 1: the first field of this name
  };

  void add(std::string_view name, std::string_view value, std::string_view authserv_id);
  void clear() { *this = {}; }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] bool is_excessive() const { return count_ > kMost; }
  // Whether any field, of whatever name, could be more than one to some reader (status::is_one_field).
  [[nodiscard]] bool has_stray_line_end() const { return has_stray_line_end_; }
  // Whether removals() can make the message good.
  [[nodiscard]] bool is_harmless() const { return !is_excessive() && !has_stray_line_end_; }
  // The last field of a name first, so that a removal renumbers none that is still to come.
  [[nodiscard]] std::vector<Removal> removals() const;

 private:
  struct Name {
    int seen = 0;
    std::vector<int> forged;
  };
  std::array<Name, 2> names_;
  std::size_t count_ = 0;
  bool has_stray_line_end_ = false;
};

}  // namespace smtpseal::milter
