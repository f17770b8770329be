// SPDX-License-Identifier: BSD-3-Clause
#include "store/hid.hpp"

namespace perun::h5 {

Quiet::Quiet() noexcept {
  H5Eget_auto2(H5E_DEFAULT, &print_, &to_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Quiet::~Quiet() {
  H5Eset_auto2(H5E_DEFAULT, print_, to_);
}

Error failure(Errc code, std::string what) {
  std::string innermost;
  const auto take_first = [](unsigned depth, const H5E_error2_t* entry, void* to) -> herr_t {
    if (depth == 0 && entry->desc != nullptr) *static_cast<std::string*>(to) = entry->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &innermost);
  if (!innermost.empty()) what += ": " + innermost;
  return {code, std::move(what)};
}

}  // namespace perun::h5
