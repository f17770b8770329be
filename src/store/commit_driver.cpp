// SPDX-License-Identifier: BSD-3-Clause
#include "store/commit_driver.hpp"

#include <algorithm>
#include <array>
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
  Names names;
};

/// One opened file as HDF5 sees it.
struct DriverFile {
  H5FD_t base;  ///< HDF5's own part comes first
  CommitFile* file;
  Names names;
};

DriverFile& driver(H5FD_t* file) noexcept {
  return *reinterpret_cast<DriverFile*>(file);
}
const DriverFile& driver(const H5FD_t* file) noexcept {
  return *reinterpret_cast<const DriverFile*>(file);
}

bool starts_with(std::span<const std::byte> bytes, std::string_view text) noexcept {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

/// Order in which old objects are replaced. A reader that sees only the first of them must find every old run: the
/// larger end of file harms nobody, nor do longer lists of names; then come tree nodes from the root down, then the
/// nodes with the entries, which make the new run visible, and last the headers with the totals.
namespace rank {
constexpr int superblock = 0;
constexpr int names_closed = 100;
constexpr int names = 110;
constexpr int names_open = 120;
constexpr int tree = 300;  ///< less the level
constexpr int entries = 400;
// Where names are removed, the entries go first, then the tree that is searched, then the names.
constexpr int tree_removed = 430;   ///< less the level
constexpr int names_removed = 350;  ///< more than `names`
constexpr int others = 500;
}  // namespace rank

int rank_of(H5FD_mem_t type, std::span<const std::byte> bytes, Names names) noexcept {
  constexpr std::size_t level_at = 5;
  if (type == H5FD_MEM_SUPER) return rank::superblock;
  if (type == H5FD_MEM_LHEAP) return rank::names;
  if (type != H5FD_MEM_BTREE) return rank::others;
  if (!starts_with(bytes, "TREE") || bytes.size() <= level_at) return rank::entries;
  return (names == Names::removed ? rank::tree_removed : rank::tree) - static_cast<int>(bytes[level_at]);
}

/// A list of names ("local heap") is a header, which says where the free space begins, and the names, with the size of
/// the free space written into it. Between a change of the one and of the other no reader could open the group. So
/// the header first says that there is no free space, then the names change, then the header says where it is.
void write_names(const DriverFile& to, std::uint64_t address, std::span<const std::byte> bytes) {
  constexpr std::size_t header_size = 32, free_at = 16;
  constexpr std::array<std::byte, 8> no_free_space{std::byte{1}};
  const auto header = bytes.first(std::min(bytes.size(), header_size));
  const int later = to.names == Names::removed ? rank::names_removed : 0;
  to.file->write_guarded(address, header, rank::names_open + later, address + free_at, no_free_space,
                         rank::names_closed + later);
  if (bytes.size() > header_size) to.file->write(address + header_size, bytes.subspan(header_size), rank::names + later);
}

H5FD_t* open_file(const char*, unsigned, hid_t access, haddr_t) {
  const auto* target = static_cast<const Target*>(H5Pget_driver_info(access));
  if (target == nullptr || target->file == nullptr) return nullptr;
  auto opened = std::unique_ptr<DriverFile>(new (std::nothrow) DriverFile{});
  if (!opened) return nullptr;
  opened->file = target->file;
  opened->names = target->names;
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
  if (type == H5FD_MEM_LHEAP && starts_with(bytes, "HEAP"))
    write_names(driver(file), address, bytes);
  else
    driver(file).file->write(address, bytes, rank_of(type, bytes, driver(file).names));
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

/// Of object headers and the like, as they are in the file; HDF5 takes some seven times as much for them, and would let
/// them grow to 32 MiB.
constexpr std::size_t most_cached = 2 << 20;

bool bound_cache(hid_t access) {
  H5AC_cache_config_t cache{};
  cache.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  if (H5Pget_mdc_config(access, &cache) < 0) return false;
  cache.max_size = cache.initial_size = most_cached;
  return H5Pset_mdc_config(access, &cache) >= 0;
}

Properties access_to(CommitFile& file, Names names = Names::added) {
  static const H5FD_class_t commit_driver = driver_class();  // HDF5 keeps a copy
  Properties access(H5Pcreate(H5P_FILE_ACCESS));
  const hid_t id = H5FDregister(&commit_driver);
  const Target target{&file, names};
  const bool set = bound_cache(access.get()) && id >= 0 && H5Pset_driver(access.get(), id, &target) >= 0 &&
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

Result<File> open_to_append(CommitFile& file, Names names) {
  const auto access = access_to(file, names);
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
