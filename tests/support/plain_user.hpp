// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <unistd.h>

namespace perun::test {

/// File access of a user without rights for as long as it lives, also where the tests run as root.
class PlainUser {
 public:
  PlainUser() {
    if (root_ && ::seteuid(65534) != 0) ::_exit(99);
  }
  ~PlainUser() {
    if (root_ && ::seteuid(0) != 0) ::_exit(99);
  }
  PlainUser(const PlainUser&) = delete;
  PlainUser& operator=(const PlainUser&) = delete;

 private:
  bool root_ = ::geteuid() == 0;
};

}  // namespace perun::test
