// Words of the tables and the values they stand for.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "smtpseal/policy/domain_map.hpp"

namespace smtpseal::policy {

template <class T>
struct Choice {
  std::string_view word;
  T value;
};

inline constexpr std::array kProfiles{Choice<Profile>{"modern", Profile::modern},
                                      Choice<Profile>{"exchange-5.5", Profile::exchange_55},
                                      Choice<Profile>{"exchange-5.0", Profile::exchange_50}};
inline constexpr std::array kStrengths{Choice<unsigned>{"40", 40}, Choice<unsigned>{"56", 56},
                                       Choice<unsigned>{"128", 128}};

// Sets `target` to what `word` stands for. Returns what is allowed where it stands for nothing.
template <class T, std::size_t N>
std::string choose(const std::array<Choice<T>, N>& choices, std::string_view word, T& target) {
  std::string allowed;
  for (const auto& choice : choices) {
    if (choice.word == word) {
      target = choice.value;
      return {};
    }
    if (!allowed.empty()) allowed += ", ";
    allowed += choice.word;
  }
  return "allowed are " + allowed;
}

template <class T, std::size_t N>
std::string_view name_of(const std::array<Choice<T>, N>& choices, T value) {
  for (const auto& choice : choices) {
    if (choice.value == value) return choice.word;
  }
  return "?";
}

}  // namespace smtpseal::policy
