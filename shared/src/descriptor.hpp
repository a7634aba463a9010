// A file descriptor that is closed with the object. Private to the sources of this library.
#pragma once

#include <unistd.h>

namespace smtpseal {

class Descriptor {
 public:
  // Takes over what open(2) returned; negative: there is none.
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

}  // namespace smtpseal
