// SPDX-License-Identifier: BSD-3-Clause
#include "fuzz/hdf5_files.hpp"

#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>

#include "analysis/summarize.hpp"
#include "fuzz/driver.hpp"
#include "store/attributes.hpp"
#include "store/datasets.hpp"
#include "store/store.hpp"
#include "support/filled_run.hpp"
#include "support/sample_run.hpp"

namespace perun::fuzz {

namespace {

namespace fs = std::filesystem;

std::string taken(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  in.close();
  fs::remove(file);
  check(bytes.starts_with("\x89HDF"), "a file to begin with");
  return bytes;
}

void add(const fs::path& file, Run run) {
  run.app = "app";
  check(static_cast<bool>(append_run(file, run, summarize(run))), "a run can be added");
}

std::string of_perun(const fs::path& file) {
  add(file, test::sample_run(2, 3));
  Run marked = test::filled_run();
  for (auto& node : marked.nodes) node.series.resize(node.sensors.size());
  add(file, marked);
  add(file, test::sample_run(1, 1100));
  return taken(file);
}

/// A group with the attributes that the Python perun gives each.
h5::Group node(hid_t parent, const char* name, std::int64_t type, const h5::Types& types) {
  h5::Group group(H5Gcreate2(parent, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  check(static_cast<bool>(h5::AttributeWriter(types, group.get()).integer("type", type).text("mpi_ranks", "[0]").status()),
        "attributes can be written");
  return group;
}
h5::Group below(hid_t parent, const char* name) {
  return h5::Group(H5Gcreate2(parent, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

template <class T, std::size_t N>
void rows(hid_t group, const char* name, const std::array<T, N>& values, const char* unit, const h5::Types& types) {
  const auto made = h5::write_rows(group, name, std::span<const T>(values));
  check(made && h5::AttributeWriter(types, made->get())
                    .text("unit", unit)
                    .text("units", "Joule")
                    .text("scale_prefix", "micro")
                    .number("mag", 1e-6)
                    .number("valid_max", 1e9)
                    .status(),
        "a dataset can be written");
}

constexpr std::array<std::int64_t, 4> counter{10, 5'000'000, 10'000'000, 15'000'000};
constexpr std::array<double, 4> seconds{0, 1, 2, 3};

std::string of_first_layout(const fs::path& file) {
  {
    const h5::Types types;
    const h5::File opened(H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    const auto app = below(opened.get(), "app"), run = below(app.get(), "exp_0"), host = below(run.get(), "host");
    rows(host.get(), "t_ns", std::array<std::int64_t, 4>{1'000, 1'000'001'000, 2'000'001'000, 3'000'001'000}, "s", types);
    rows(host.get(), "0_package-0_uJ", counter, "J", types);
    rows(host.get(), "0_core_uJ", counter, "J", types);
  }
  return taken(file);
}

std::string of_tree(const fs::path& file) {
  {
    const h5::Types types;
    const h5::File opened(H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    std::vector<h5::Group> groups;
    groups.push_back(node(opened.get(), "app", 1, types));
    constexpr std::array names{"20240506", "0", "host", "cpu", "cpu_0_package-0"};
    for (std::size_t i = 0; i < names.size(); ++i) {
      groups.push_back(below(groups.back().get(), "nodes"));
      groups.push_back(node(groups.back().get(), names[i], static_cast<std::int64_t>(i) + 2, types));
      if (i != 1) continue;
      const auto regions = below(groups.back().get(), "regions"), region = below(regions.get(), "train"),
                 raw = below(region.get(), "raw_data");
      rows(raw.get(), "0", seconds, "s", types);
    }
    const auto raw = below(groups.back().get(), "raw_data");
    rows(raw.get(), "timesteps", seconds, "s", types);
    rows(raw.get(), "alt_values", counter, "J", types);
  }
  return taken(file);
}

}  // namespace

std::vector<std::string> hdf5_files() {
  const h5::Quiet quiet;
  const fs::path file = "/dev/shm/perun-fuzz-" + std::to_string(::getpid()) + ".hdf5";
  return {of_perun(file), of_first_layout(file), of_tree(file)};
}

}  // namespace perun::fuzz
