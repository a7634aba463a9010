#include "trusted_path.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace smtpseal::cli {
namespace {

std::string objection(const std::filesystem::path& place) {
  struct stat status {};
  if (::lstat(place.c_str(), &status) != 0) return place.string() + ": " + std::strerror(errno);
  if (status.st_uid != 0) return place.string() + " does not belong to root";
  const bool is_sticky = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if (!is_sticky && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return place.string() + " can be written to by others than root";
  return {};
}

}  // namespace

std::string who_else_can_change(const std::string& path) {
  std::error_code error;
  auto place = std::filesystem::canonical(path, error);
  if (error) return path + ": " + error.message();
  while (true) {
    if (auto text = objection(place); !text.empty() || place == place.root_path()) return text;
    place = place.parent_path();
  }
}

}  // namespace smtpseal::cli
