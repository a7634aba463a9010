// Where libsasl2 looks for plugins, and what has to be done there so that NTLM is ours: a link to our plugin,
// and the distribution's NTLM plugin out of the way by a diversion of dpkg, which outlives its upgrades. Ours
// comes before it in libsasl2's order in any case; but were ours to be removed or to fail to load, programs
// would silently log on with the other one, which has NTLMv1 and no layer.
#pragma once

#include <string>
#include <vector>

namespace smtpseal::cli {

class PluginPlace {
 public:
  // `directory`: libsasl2's plugins; `plugin`: our file as installed.
  PluginPlace(const std::string& directory, std::string plugin);

  // Both do what has not been done, and add to `done` a sentence for each change. Where one change fails, the
  // others are undone and Failure is thrown. REQUIRES: root.
  void enable(std::vector<std::string>& done);
  // Takes back what enable() does, and nothing else: a diversion that somebody else made stays, and a file
  // that is no link is refused.
  void disable(std::vector<std::string>& done);

 private:
  // What the link points to; empty: there is none. Throws Failure where a file has its name.
  [[nodiscard]] std::string link_target() const;
  void make_link(const std::string& target) const;
  void remove_link() const;
  // Where the distribution's plugin is kept; empty: it is not diverted.
  [[nodiscard]] std::string diversion() const;
  [[nodiscard]] bool is_diverted_by_us() const;
  void divert() const;
  void undivert() const;

  std::string link_;
  std::string stock_;
  std::string diverted_;
  std::string plugin_;
};

}  // namespace smtpseal::cli
