// SPDX-License-Identifier: BSD-3-Clause
// Raw numbers, marks and summaries that changed on the disk are noticed, whichever byte of them it is.
#include "store/checksum.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <fstream>

#include "model/summary_text.hpp"
#include "store/store.hpp"
#include "support/equal_runs.hpp"
#include "support/filled_run.hpp"
#include "support/sample_run.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

struct ChecksumTest : testing::Test {
  using Run = perun::Run;  // not testing::Test::Run
  test::Tree tree;
  std::filesystem::path file = tree.at("app.hdf5");

  void flip(std::uint64_t at, unsigned bit) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<unsigned>(bytes.get());
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(byte ^ (1U << bit)));
  }

  struct Place {
    std::uint64_t at, size;
  };
  /// Where the values of a dataset are: of one in chunks its last.
  Place place_of(const std::string& dataset) {
    const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t data = H5Dopen2(opened, dataset.c_str(), H5P_DEFAULT);
    EXPECT_GE(data, 0) << dataset;
    const hid_t list = H5Dget_create_plist(data);
    Place place{};
    if (H5Pget_layout(list) == H5D_CHUNKED) {
      haddr_t at = 0;
      hsize_t size = 0, offset[2] = {};
      unsigned filters = 0;
      const hid_t space = H5Dget_space(data);
      hsize_t chunks = 0;
      EXPECT_GE(H5Dget_num_chunks(data, space, &chunks), 0);
      EXPECT_GE(H5Dget_chunk_info(data, space, chunks - 1, offset, &filters, &at, &size), 0);
      H5Sclose(space);
      place = {at, size};
    } else {
      place = {H5Dget_offset(data), H5Dget_storage_size(data)};
    }
    H5Pclose(list);
    H5Dclose(data);
    H5Fclose(opened);
    return place;
  }

  /// What loading says when a bit somewhere in the dataset is another.
  std::string told(const std::string& dataset, std::uint64_t part) {
    const Place place = place_of(dataset);
    const std::uint64_t at = place.at + place.size * part / 8;
    flip(at, part % 8);
    const auto store = Store::open(file);
    const auto loaded = store ? store->load(0) : Result<Run>(store.error());
    flip(at, part % 8);
    return loaded ? "" : loaded.error().what;
  }
};

TEST_F(ChecksumTest, AFlippedBitInAnyRawNumberIsToldWithItsPlace) {
  for (const std::size_t ticks : {5, 1024, 1025, 20'000}) {
    std::filesystem::remove(file);
    Run run = test::sample_run(3, ticks);
    run.number = 0;
    ASSERT_TRUE(append_run(file, run, test::sample_summary()));
    test::expect_equal(*Store::open(file)->load(0), run);
    for (const char* name : {"rapl_package_0", "rapl_package_2", "t_ns", "t_offset_ns", "t_halfwidth_ns"})
      for (std::uint64_t part = 0; part < 8; ++part) {
        const std::string what = told(std::string("app/exp_0/node/") + name, part);
        EXPECT_NE(what.find("run 0, node 'node': cannot read the dataset '" + std::string(name) + "'"), std::string::npos)
            << ticks << ' ' << part << ": " << what;
        EXPECT_NE(what.find(file.string()), std::string::npos) << what;
      }
    EXPECT_TRUE(Store::open(file)->load(0)) << "put right again";
  }
}

TEST_F(ChecksumTest, ASummaryThatChangedIsNoneAndMarksAreAnError) {
  Run run = test::filled_run();
  run.app = "app";
  RunSummary summary = test::sample_summary();
  summary.app = "app";
  ASSERT_TRUE(append_run(file, run, summary));
  ASSERT_TRUE(Store::open(file)->at(0).summary());
  std::fstream bytes(file, std::ios::in | std::ios::binary);
  const std::string all(std::istreambuf_iterator<char>(bytes), {});
  const auto text = all.find(encode(summary).substr(0, 60));
  ASSERT_NE(text, std::string::npos);
  flip(text + 30, 0);
  EXPECT_FALSE(Store::open(file)->at(0).summary());
  flip(text + 30, 0);
  ASSERT_TRUE(Store::open(file)->at(0).summary());

  const std::string what = told("app/exp_0/" + Store::open(file)->list()->front().nodes.at(0) + "/regions/mark_t_ns", 1);
  EXPECT_NE(what.find("cannot read the dataset 'mark_t_ns': its checksum is wrong"), std::string::npos) << what;
}

TEST_F(ChecksumTest, TextsCountToTheirFirstNul) {
  const std::vector<std::string> one{std::string("a\0b", 3), ""}, other{"a", std::string("\0c", 2)}, apart{"", "a"};
  EXPECT_EQ(h5::checksum_of_texts(one), h5::checksum_of_texts(other));
  EXPECT_NE(h5::checksum_of_texts(one), h5::checksum_of_texts(apart));
}

}  // namespace
}  // namespace perun
