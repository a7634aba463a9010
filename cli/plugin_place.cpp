#include "plugin_place.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "command_run.hpp"
#include "context.hpp"

namespace smtpseal::cli {
namespace {

Failure file_failure(const std::string& path) {
  return Failure(path + ": " + std::strerror(errno));
}

}  // namespace

PluginPlace::PluginPlace(const std::string& directory, std::string plugin)
    : link_(directory + "/libsmtpseal.so"),
      stock_(directory + "/libntlm.so"),
      // Not a name in .so, which libsasl2 would load; not .distrib, so that nobody else's is taken for ours.
      diverted_(stock_ + ".smtpseal-diverted"),
      plugin_(std::move(plugin)) {}

void PluginPlace::enable(std::vector<std::string>& done) {
  if (::access(plugin_.c_str(), R_OK) != 0) throw file_failure(plugin_);
  const auto former = link_target();
  const bool is_diverted = !diversion().empty();
  if (former != plugin_) {
    make_link(plugin_);
    done.push_back("linked " + link_ + " to " + plugin_);
  }
  if (is_diverted) return;
  try {
    divert();
  } catch (const Failure&) {
    if (former.empty())
      remove_link();
    else
      make_link(former);
    throw;
  }
  done.push_back("diverted " + stock_ + " to " + diverted_);
}

void PluginPlace::disable(std::vector<std::string>& done) {
  const bool is_linked = !link_target().empty();
  const bool was_diverted = is_diverted_by_us();
  if (was_diverted) {
    undivert();
    done.push_back("took back the diversion of " + stock_);
  }
  if (!is_linked) return;
  try {
    remove_link();
  } catch (const Failure&) {
    if (was_diverted) divert();
    throw;
  }
  done.push_back("removed " + link_);
}

std::string PluginPlace::diversion() const {
  const auto name = run_command({"dpkg-divert", "--truename", stock_});
  return name == stock_ ? std::string() : name;
}

bool PluginPlace::is_diverted_by_us() const {
  return diversion() == diverted_ && run_command({"dpkg-divert", "--listpackage", stock_}) == "LOCAL";
}

std::string PluginPlace::link_target() const {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(link_, error);
  if (status.type() == std::filesystem::file_type::not_found) return {};
  if (status.type() != std::filesystem::file_type::symlink)
    throw Failure(link_ + " is not a link that smtpseal made; remove it by hand");
  return std::filesystem::read_symlink(link_).string();
}

void PluginPlace::make_link(const std::string& target) const {
  // By way of another name: a program that loads its plugins meanwhile finds the old one or the new one.
  const auto temporary = link_ + "." + std::to_string(::getpid());
  if (::symlink(target.c_str(), temporary.c_str()) != 0) throw file_failure(temporary);
  if (::rename(temporary.c_str(), link_.c_str()) == 0) return;
  const auto failure = file_failure(link_);
  ::unlink(temporary.c_str());
  throw Failure(failure);
}

void PluginPlace::remove_link() const {
  if (::unlink(link_.c_str()) != 0) throw file_failure(link_);
}

void PluginPlace::divert() const {
  run_command({"dpkg-divert", "--quiet", "--local", "--rename", "--divert", diverted_, "--add", stock_});
}

void PluginPlace::undivert() const {
  run_command({"dpkg-divert", "--quiet", "--local", "--rename", "--remove", stock_});
}

}  // namespace smtpseal::cli
