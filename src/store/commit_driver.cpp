// SPDX-License-Identifier: BSD-3-Clause
#include "store/commit_driver.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string_view>

namespace perun::h5 {

namespace {

constexpr unsigned children_per_leaf = 16;    ///< half the names of one symbol table node
constexpr unsigned children_per_branch = 16;  ///< HDF5's default
constexpr hsize_t metadata_block = 16 << 10;  ///< metadata of one run lie together

/// What the access property list hands to open_file().
struct Target {
  CommitFile* file;
};

/// One opened file as HDF5 sees it.
struct DriverFile {
  H5FD_t base;  ///< HDF5's own part comes first
  CommitFile* file;
};

DriverFile& driver(H5FD_t* file) noexcept {
  return *reinterpret_cast<DriverFile*>(file);
}
const DriverFile& driver(const H5FD_t* file) noexcept {
  return *reinterpret_cast<const DriverFile*>(file);
}

/// Order in which old objects are replaced. A reader that sees only the first of them must find every old run: the
/// larger end of file and longer name heaps harm nobody, then tree nodes from the root down, then the nodes with
/// the entries, which make the new run visible, and last the headers with the totals.
int rank(H5FD_mem_t type, std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t level_at = 5;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 4));
  if (type == H5FD_MEM_SUPER) return 0;
  if (type == H5FD_MEM_LHEAP) return 1;
  if (type == H5FD_MEM_BTREE && text == "TREE" && bytes.size() > level_at) return 300 - static_cast<int>(bytes[level_at]);
  if (type == H5FD_MEM_BTREE) return 400;
  return 500;
}

H5FD_t* open_file(const char*, unsigned, hid_t access, haddr_t) {
  const auto* target = static_cast<const Target*>(H5Pget_driver_info(access));
  if (target == nullptr || target->file == nullptr) return nullptr;
  auto opened = std::unique_ptr<DriverFile>(new (std::nothrow) DriverFile{});
  if (!opened) return nullptr;
  opened->file = target->file;
  return &opened.release()->base;
}

herr_t close_file(H5FD_t* file) {
  const std::unique_ptr<DriverFile> closed(&driver(file));
  return 0;
}

/// Two openings never share HDF5's caches, since each has contents of its own until commit.
int compare(const H5FD_t* a, const H5FD_t* b) {
  const auto *x = driver(a).file, *y = driver(b).file;
  return std::less<>{}(x, y) ? -1 : x == y ? 0 : 1;
}

/// Without H5FD_FEAT_ACCUMULATE_METADATA: every object comes as a write of its own, which rank() relies on.
herr_t query(const H5FD_t*, unsigned long* flags) {
  if (flags != nullptr) *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DATA_SIEVE;
  return 0;
}

haddr_t get_allocated(const H5FD_t* file, H5FD_mem_t) {
  return driver(file).file->allocated();
}

herr_t set_allocated(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  driver(file).file->set_allocated(end);
  return 0;
}

haddr_t get_end(const H5FD_t* file, H5FD_mem_t) {
  return driver(file).file->size();
}

herr_t read_bytes(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* to) {
  if (address > std::numeric_limits<haddr_t>::max() - size) return -1;
  return driver(file).file->read(address, {static_cast<std::byte*>(to), size}) ? 0 : -1;
}

herr_t write_bytes(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t address, std::size_t size, const void* from) try {
  const std::span bytes(static_cast<const std::byte*>(from), size);
  driver(file).file->write(address, bytes, rank(type, bytes));
  return 0;
} catch (const std::bad_alloc&) {
  return -1;
}

herr_t truncate(H5FD_t* file, hid_t, hbool_t) {
  driver(file).file->resize(driver(file).file->allocated());
  return 0;
}

H5FD_class_t driver_class() noexcept {
  H5FD_class_t c{};
  c.name = "perun_commit";
  c.maxaddr = static_cast<haddr_t>(std::numeric_limits<std::int64_t>::max());
  c.fc_degree = H5F_CLOSE_STRONG;
  c.fapl_size = sizeof(Target);
  c.open = open_file;
  c.close = close_file;
  c.cmp = compare;
  c.query = query;
  c.get_eoa = get_allocated;
  c.set_eoa = set_allocated;
  c.get_eof = get_end;
  c.read = read_bytes;
  c.write = write_bytes;
  c.truncate = truncate;
  constexpr H5FD_mem_t one_list_for_raw_data_and_one_for_the_rest[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(one_list_for_raw_data_and_one_for_the_rest), std::end(one_list_for_raw_data_and_one_for_the_rest),
            c.fl_map);
  return c;
}

Properties access_to(CommitFile& file) {
  static const H5FD_class_t commit_driver = driver_class();  // HDF5 keeps a copy
  Properties access(H5Pcreate(H5P_FILE_ACCESS));
  const hid_t id = H5FDregister(&commit_driver);
  const Target target{&file};
  const bool set = id >= 0 && H5Pset_driver(access.get(), id, &target) >= 0 &&
                   H5Pset_meta_block_size(access.get(), metadata_block) >= 0 &&
                   H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG) >= 0;
  if (id >= 0) H5FDunregister(id);
  return set ? std::move(access) : Properties();
}

}  // namespace

Result<File> create(CommitFile& file) {
  const auto access = access_to(file);
  const Properties shape(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_sym_k(shape.get(), children_per_branch, children_per_leaf);
  File created(access ? H5Fcreate("perun", H5F_ACC_TRUNC, shape.get(), access.get()) : H5I_INVALID_HID);
  if (!created) return failure(Errc::io, "cannot make an HDF5 file");
  return created;
}

Result<File> open_to_append(CommitFile& file) {
  const auto access = access_to(file);
  File opened(access ? H5Fopen("perun", H5F_ACC_RDWR, access.get()) : H5I_INVALID_HID);
  if (!opened) return failure(Errc::format, "cannot be opened");
  file.set_old_end(file.allocated());
  return opened;
}

Result<File> open_to_read(CommitFile& file) {
  const auto access = access_to(file);
  File opened(access ? H5Fopen("perun", H5F_ACC_RDONLY, access.get()) : H5I_INVALID_HID);
  if (!opened) return failure(Errc::format, "cannot be opened");
  return opened;
}

}  // namespace perun::h5
