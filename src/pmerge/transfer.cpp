// SPDX-License-Identifier: BSD-3-Clause
#include "pmerge/transfer.hpp"

#include <mpi.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace perun::h5 {

namespace {

int my_rank() noexcept {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

/// A dataset of texts by its place in the file, which stays when it is closed and opened again.
struct Waiting {
  haddr_t address;
  std::vector<std::string> texts;
};

/// What put_texts() was given; HDF5 calls it from one thread.
std::vector<Waiting>& waiting() {
  static std::vector<Waiting> all;
  return all;
}

/// A range of a dataset's last dimension.
struct Rows {
  hsize_t first = 0, count = 0;
};

/// Of `all` the share of this process: whole chunks, since a chunk has one writer; of what is not in chunks all or nothing.
Rows share_of(const Rows& all, hsize_t chunk) {
  const auto size = static_cast<hsize_t>(writers()), rank = static_cast<hsize_t>(my_rank());
  if (chunk == 0) return rank == 0 ? all : Rows{all.first, 0};
  const hsize_t first_chunk = all.first / chunk, chunks = (all.first + all.count + chunk - 1) / chunk - first_chunk;
  const auto edge = [&](hsize_t i) {
    const hsize_t row = (first_chunk + chunks * i / size) * chunk;
    return std::min(std::max(row, all.first), all.first + all.count);
  };
  const hsize_t begin = edge(rank), end = rank + 1 == size ? all.first + all.count : edge(rank + 1);
  return {begin, end - begin};
}

/// Rows of a chunk, or 0.
hsize_t chunk_rows(const Dataset& dataset) {
  const Properties made(H5Dget_create_plist(dataset.get()));
  if (!made || H5Pget_layout(made.get()) != H5D_CHUNKED) return 0;
  std::array<hsize_t, 2> chunk{};
  const int dimensions = H5Pget_chunk(made.get(), 2, chunk.data());
  return dimensions < 1 ? 0 : chunk[static_cast<std::size_t>(dimensions) - 1];
}

}  // namespace

std::size_t writers() noexcept {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return static_cast<std::size_t>(size);
}

bool put_numbers(const Dataset& dataset, hid_t type, hid_t, hid_t file, const void* values) {
  const Space place(file == H5S_ALL ? H5Dget_space(dataset.get()) : H5Scopy(file));
  std::array<hsize_t, 2> start{}, end{};
  const int dimensions = H5Sget_simple_extent_ndims(place.get());
  if (!place || dimensions < 1 || dimensions > 2 || H5Sget_select_bounds(place.get(), start.data(), end.data()) < 0)
    return false;
  const std::size_t last = static_cast<std::size_t>(dimensions) - 1;
  const Rows all{start[last], end[last] - start[last] + 1};
  const Rows mine = share_of(all, chunk_rows(dataset));
  const Space memory(H5Screate_simple(1, &all.count, nullptr));
  const Properties transfer(H5Pcreate(H5P_DATASET_XFER));
  if (!memory || H5Pset_dxpl_mpio(transfer.get(), H5FD_MPIO_COLLECTIVE) < 0) return false;
  if (mine.count == 0) {
    H5Sselect_none(place.get());
    H5Sselect_none(memory.get());
  } else {
    std::array<hsize_t, 2> count{1, 1};
    const hsize_t offset = mine.first - all.first;
    start[last] = mine.first;
    count[last] = mine.count;
    if (H5Sselect_hyperslab(place.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) < 0 ||
        H5Sselect_hyperslab(memory.get(), H5S_SELECT_SET, &offset, nullptr, &mine.count, nullptr) < 0)
      return false;
  }
  return H5Dwrite(dataset.get(), type, memory.get(), place.get(), transfer.get(), values) >= 0;
}

bool put_texts(const Dataset& dataset, hid_t, hid_t, std::span<const char* const> texts) {
  H5O_info_t facts{};
  if (H5Oget_info2(dataset.get(), &facts, H5O_INFO_BASIC) < 0) return false;
  if (my_rank() == 0) waiting().push_back({facts.addr, {texts.begin(), texts.end()}});
  return true;
}

bool settle(hid_t file_or_object) {
  const bool flushed = H5Fflush(file_or_object, H5F_SCOPE_GLOBAL) >= 0;
  return MPI_Barrier(MPI_COMM_WORLD) == MPI_SUCCESS && flushed;
}

File open_together(const std::filesystem::path& path) {
  const Properties access(H5Pcreate(H5P_FILE_ACCESS));
  if (H5Pset_fapl_mpio(access.get(), MPI_COMM_WORLD, MPI_INFO_NULL) < 0 ||
      H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG) < 0)
    return {};
  return File(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()));
}

bool put_waiting_texts(const File& file) {
  for (const auto& [address, texts] : std::exchange(waiting(), {})) {
    const Dataset dataset(H5Oopen_by_addr(file.get(), address));
    const Type type(dataset ? H5Dget_type(dataset.get()) : H5I_INVALID_HID);
    std::vector<const char*> pointers;
    for (const auto& text : texts) pointers.push_back(text.c_str());
    if (!type || H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0) return false;
  }
  return true;
}

}  // namespace perun::h5
