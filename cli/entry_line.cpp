#include "entry_line.hpp"

#include <algorithm>

#include "context.hpp"
#include "smtpseal/policy/table_text.hpp"

namespace smtpseal::cli {

EntryLine::EntryLine(std::string_view line) : text_(line) {
  parse();
}

void EntryLine::parse() {
  words_.clear();
  policy::FieldReader fields(text_, policy::TrailingComments::yes);
  const auto left = [&] { return fields.rest().size(); };
  while (!fields.at_end()) {
    Word word;
    word.begin = text_.size() - left();
    if (words_.size() < 2) {
      if (!fields.word()) throw Failure("the entry is malformed; edit it by hand");
    } else {
      const auto attribute = fields.attribute();
      if (!attribute) throw Failure("the entry is malformed; edit it by hand");
      word.name = attribute->name;
    }
    word.end = text_.size() - left();
    while (word.end > word.begin && (text_[word.end - 1] == ' ' || text_[word.end - 1] == '\t')) --word.end;
    words_.push_back(std::move(word));
  }
  if (words_.size() < 2) throw Failure("the entry has no level; edit it by hand");
}

const EntryLine::Word* EntryLine::find(const std::string& name) const {
  const auto found = std::ranges::find_if(words_, [&](const Word& word) { return word.name == name; });
  return found == words_.end() ? nullptr : &*found;
}

void EntryLine::replace(std::size_t begin, std::size_t end, const std::string& with) {
  text_.replace(begin, end - begin, with);
  parse();
}

void EntryLine::set_level(const std::string& level) {
  replace(words_[1].begin, words_[1].end, level);
}

void EntryLine::set_attribute(const std::string& name, const std::string& attribute) {
  if (const auto* word = find(name)) return replace(word->begin, word->end, attribute);
  const auto end = words_.back().end;
  replace(end, end, " " + attribute);
}

void EntryLine::remove_attribute(const std::string& name) {
  const auto* word = find(name);
  if (word == nullptr) throw Failure("the entry has no " + name + "=; nothing was changed");
  replace(std::prev(word)->end, word->end, "");  // with the blanks before it
}

}  // namespace smtpseal::cli
