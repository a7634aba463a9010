// How far the daemon's end has come.
#pragma once

namespace smtpseal::relay {

enum class Stage {
  serving,
  finishing,  // no new sessions; those of Postfix that have carried mail end when they are idle
  closing,    // every session ends when it is idle
};

}  // namespace smtpseal::relay
