// One entry of the domains file as it was written: changed word by word, so that blanks, order, and the
// comment behind it stay. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace smtpseal::cli {

class EntryLine {
 public:
  // Throws Failure where the line is malformed.
  explicit EntryLine(std::string_view line);

  void set_level(const std::string& level);
  // The attribute as it must stand in the line ("account=\"CORP\\mail relay\""); one that is not there is
  // added behind the others.
  void set_attribute(const std::string& name, const std::string& attribute);
  // Throws Failure where it is not there.
  void remove_attribute(const std::string& name);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  struct Word {
    std::string name;  // of an attribute; empty for pattern and level
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  void parse();
  [[nodiscard]] const Word* find(const std::string& name) const;
  void replace(std::size_t begin, std::size_t end, const std::string& with);

  std::string text_;
  std::vector<Word> words_;
};

}  // namespace smtpseal::cli
