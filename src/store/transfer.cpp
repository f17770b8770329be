// SPDX-License-Identifier: BSD-3-Clause
#include "store/transfer.hpp"

namespace perun::h5 {

std::size_t writers() noexcept {
  return 1;
}

bool put_numbers(const Dataset& dataset, hid_t type, hid_t memory, hid_t file, const void* values) {
  return H5Dwrite(dataset.get(), type, memory, file, H5P_DEFAULT, values) >= 0;
}

bool put_texts(const Dataset& dataset, hid_t type, hid_t transfer, std::span<const char* const> texts) {
  return H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, transfer, texts.data()) >= 0;
}

bool settle(hid_t) {
  return true;
}

}  // namespace perun::h5
