#include "figure_table.hpp"

#include <algorithm>
#include <array>
#include <boost/algorithm/string/replace.hpp>
#include <cmath>
#include <cstdio>

#include "smtpseal/time_text.hpp"

#include "printable.hpp"

namespace smtpseal::cli {
namespace {

using control::Family;
using control::Sample;

bool cut(std::string& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.resize(text.size() - suffix.size());
  return true;
}

// "smtpseal_hop_failures_total" is "hop failures".
std::string title(std::string name) {
  if (name.starts_with("smtpseal_")) name.erase(0, std::string_view("smtpseal_").size());
  for (const auto* suffix : {"_total", "_timestamp_seconds", "_seconds"})
    if (cut(name, suffix)) break;
  boost::algorithm::replace_all(name, "_", " ");
  return name;
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), std::trunc(value) == value ? "%.0f" : "%.3g", value);
  return text.data();
}

std::string time(double value) {
  return value == 0 ? "never" : local_time_text(static_cast<std::int64_t>(value));
}

std::string labels(const Sample& sample) {
  std::string text;
  for (const auto& [name, value] : sample.labels) text += (text.empty() ? "" : ", ") + printable(value);
  return text;
}

// Of a histogram without labels, as all of ours are.
std::string histogram(const Family& family) {
  double count = 0;
  double sum = 0;
  for (const auto& sample : family.samples) {
    if (sample.name.ends_with("_count")) count = sample.value;
    if (sample.name.ends_with("_sum")) sum = sample.value;
  }
  if (count == 0) return {};
  std::string text =
      number(count) + (count == 1 ? " time, " : " times, ") + number(sum / count) + " s on average";
  const auto within = std::ranges::find_if(family.samples, [count](const Sample& sample) {
    return sample.name.ends_with("_bucket") && sample.value >= 0.95 * count;
  });
  if (within != family.samples.end() && within->label("le") != "+Inf")
    text += ", 95% within " + printable(within->label("le")) + " s";
  return text;
}

// What the heading says.
bool is_about_the_program(const Family& family) {
  return family.name == "smtpseal_build_info" || family.name == "process_start_time_seconds";
}

}  // namespace

std::vector<FigureRow> figure_rows(const std::vector<Family>& families) {
  std::vector<FigureRow> rows;
  for (const auto& family : families) {
    if (is_about_the_program(family)) continue;
    if (family.type == "histogram") {
      auto text = histogram(family);
      if (!text.empty()) rows.push_back({title(family.name), {}, std::move(text)});
      continue;
    }
    const auto first = rows.size();
    const bool is_time = family.name.ends_with("_timestamp_seconds");
    for (const auto& sample : family.samples)
      if (sample.value != 0 || family.type == "gauge")
        rows.push_back(
            {title(family.name), labels(sample), is_time ? time(sample.value) : number(sample.value)});
    std::sort(rows.begin() + static_cast<std::ptrdiff_t>(first), rows.end());
  }
  return rows;
}

std::string figure_heading(const std::vector<Family>& families) {
  std::string text;
  for (const auto& family : families) {
    if (family.samples.empty()) continue;
    const Sample& sample = family.samples.front();
    if (family.name == "smtpseal_build_info")
      text = printable(sample.label("program")) + " " + printable(sample.label("version")) + text;
    if (family.name == "process_start_time_seconds") text += ", since " + time(sample.value);
  }
  return text;
}

}  // namespace smtpseal::cli
