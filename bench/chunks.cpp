// SPDX-License-Identifier: BSD-3-Clause
// What chunk sizes and filters make of realistic columns, as a table: bytes a value, time to write and to read one.
// chunks [ROWS]. The choice and its reasons: docs/decisions.md.
#include <fmt/format.h>
#include <hdf5.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace {

struct Column {
  const char* name;
  std::vector<std::int64_t> rows;
  hid_t stored;
};

/// As sensors at 100 Hz give them.
std::vector<Column> columns(std::size_t rows) {
  std::mt19937_64 random(7);
  std::normal_distribution<> noise(0, 1);
  std::vector<Column> all{{"t_ns", {}, H5T_STD_I64LE},
                          {"counter uJ", {}, H5T_STD_I64LE},
                          {"gauge mW", {}, H5T_STD_I64LE},
                          {"offset ns", {}, H5T_STD_I32LE},
                          {"halfwidth ns", {}, H5T_STD_I32LE}};
  double watts = 100, joules = 3e4;
  for (std::size_t k = 0; k < rows; ++k) {
    watts = std::clamp(watts + noise(random), 20.0, 400.0);
    joules += watts * 0.01;
    all[0].rows.push_back(1'800'000'000'000'000'000 + static_cast<std::int64_t>(k) * 10'000'000 +
                          std::abs(std::llround(30'000 * noise(random))));
    all[1].rows.push_back(std::llround(joules * 1e6 / 61.03515625) * 61);  // steps of 61 uJ
    all[2].rows.push_back(std::llround(watts * 1000 + 200 * noise(random)));
    all[3].rows.push_back(40'000 + std::llround(2'000 * noise(random)));
    all[4].rows.push_back(1'200 + std::abs(std::llround(300 * noise(random))));
  }
  return all;
}

double cpu_s() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto s = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return s(used.ru_utime) + s(used.ru_stime);
}

struct Filter {
  const char* name;
  bool shuffle;
  int deflate;  ///< 0: none
  bool fletcher32 = false;
};

struct Cost {
  double bytes, write_ns, read_ns;
};

Cost cost(const std::string& file, const Column& column, hsize_t chunk, const Filter& filter) {
  const hsize_t rows = column.rows.size();
  const hid_t list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &rows, nullptr);
  H5Pset_chunk(list, 1, &chunk);
  if (filter.shuffle) H5Pset_shuffle(list);
  if (filter.deflate > 0) H5Pset_deflate(list, static_cast<unsigned>(filter.deflate));
  if (filter.fletcher32) H5Pset_fletcher32(list);
  const double begin = cpu_s();
  hid_t opened = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t dataset = H5Dcreate2(opened, "x", column.stored, space, H5P_DEFAULT, list, H5P_DEFAULT);
  H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, column.rows.data());
  H5Dclose(dataset);
  H5Fclose(opened);
  const double written = cpu_s();
  const auto bytes = static_cast<double>(std::filesystem::file_size(file));
  std::vector<std::int64_t> back(rows);
  const double reading = cpu_s();
  opened = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  dataset = H5Dopen2(opened, "x", H5P_DEFAULT);
  H5Dread(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, back.data());
  H5Dclose(dataset);
  H5Fclose(opened);
  const double read = cpu_s();
  H5Sclose(space);
  H5Pclose(list);
  if (back != column.rows) std::abort();
  const auto n = static_cast<double>(rows);
  return {bytes / n, 1e9 * (written - begin) / n, 1e9 * (read - reading) / n};
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t rows = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200'000;
  const auto all = columns(rows);
  const std::string file = std::filesystem::temp_directory_path() / fmt::format("perun-chunks-{}.hdf5", ::getpid());
  constexpr Filter filters[] = {{"none", false, 0},
                                {"deflate 1", false, 1},
                                {"deflate 4", false, 4},
                                {"deflate 6", false, 6},
                                {"shuffle, deflate 1", true, 1},
                                {"shuffle, deflate 1, fletcher32", true, 1, true},
                                {"shuffle, deflate 4", true, 4},
                                {"shuffle, deflate 6", true, 6}};
  fmt::print("| chunk | filter |");
  for (const auto& column : all) fmt::print(" {} |", column.name);
  fmt::print(" bytes a reading | write ns | read ns |\n");
  for (const hsize_t chunk : {1024, 2048, 4096, 8192, 16384, 32768, 65536})
    for (const Filter& filter : filters) {
      fmt::print("| {} | {} |", chunk, filter.name);
      Cost sum{};
      for (const auto& column : all) {
        const Cost c = cost(file, column, chunk, filter);
        fmt::print(" {:.2f} |", c.bytes);
        // A reading has one raw value, half of them of counters, an offset and a half width; its time is shared by 20.
        const double share = &column == &all[0] ? 0.05 : &column == &all[1] || &column == &all[2] ? 0.5 : 1;
        sum = {sum.bytes + share * c.bytes, sum.write_ns + share * c.write_ns, sum.read_ns + share * c.read_ns};
      }
      fmt::print(" {:.2f} | {:.0f} | {:.0f} |\n", sum.bytes, sum.write_ns, sum.read_ns);
    }
  std::filesystem::remove(file);
  return 0;
}
