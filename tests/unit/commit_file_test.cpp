// SPDX-License-Identifier: BSD-3-Clause
// The file below HDF5, by itself.
#include "store/commit_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "store/sidecar.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::stringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

struct CommitFileTest : testing::Test {
  test::Tree tree;
  std::filesystem::path path = tree.at("data");
  std::vector<std::byte> pattern(std::size_t size, int seed) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + static_cast<std::size_t>(seed));
    return bytes;
  }
  Fd open() { return Fd(::open(path.c_str(), O_RDWR | O_CREAT, 0600)); }
  void fill(std::size_t size) {
    const auto bytes = pattern(size, 0);
    ASSERT_TRUE(write_all(open(), bytes, 0, path));
  }
};

TEST_F(CommitFileTest, ReadsSeeWritesAndTheDiskDoesNot) {
  fill(10'000);
  const std::string before = bytes_of(path);
  CommitFile file(open(), path);
  auto expected = pattern(10'000, 0);
  const auto patch = pattern(6'000, 3);
  file.write(3'000, patch, 1);
  std::copy(patch.begin(), patch.end(), expected.begin() + 3'000);
  const auto over_the_end = pattern(500, 5);
  file.write(9'800, over_the_end, 1);
  expected.resize(10'300);
  std::copy(over_the_end.begin(), over_the_end.end(), expected.begin() + 9'800);
  file.write(10'400, pattern(1, 9), 1);
  expected.resize(10'400);
  expected.push_back(std::byte{9});

  std::vector<std::byte> got(expected.size());
  for (const std::size_t from : {0, 1, 2'999, 3'000, 4'095, 4'096, 9'799, 9'999, 10'000, 10'350}) {
    const std::span part(got.data(), expected.size() - from);
    ASSERT_TRUE(file.read(from, part));
    EXPECT_TRUE(std::equal(part.begin(), part.end(), expected.begin() + static_cast<std::ptrdiff_t>(from))) << from;
  }
  EXPECT_EQ(file.size(), expected.size());
  EXPECT_TRUE(bytes_of(path) == before);
  ASSERT_TRUE(file.commit());
  const std::string after = bytes_of(path);
  ASSERT_EQ(after.size(), expected.size());
  EXPECT_EQ(std::memcmp(after.data(), expected.data(), after.size()), 0);
}

TEST_F(CommitFileTest, WithoutCommitNothingStays) {
  fill(5'000);
  const std::string before = bytes_of(path);
  {
    CommitFile file(open(), path);
    file.write(0, pattern(5'000, 1), 1);
    file.write(5'000, pattern(20 << 20, 2), 1);  // too much to keep in memory
    EXPECT_GT(std::filesystem::file_size(path), 5'000U);
    std::vector<std::byte> got(20 << 20);
    ASSERT_TRUE(file.read(5'000, got));
    EXPECT_EQ(got, pattern(20 << 20, 2));
    file.write(6'000, pattern(10, 77), 1);  // into what is on the disk already
    ASSERT_TRUE(file.read(6'000, std::span(got).first(10)));
    EXPECT_EQ(got[0], std::byte{77});
  }
  EXPECT_TRUE(bytes_of(path) == before);
}

TEST_F(CommitFileTest, OldPartsAreReplacedByRankAndOnlyWhereTheyChange) {
  fill(8'192);
  std::vector<std::string> steps;
  CommitFile file(open(), path, [&](std::string_view step) {
    if (step != "write old") return;
    const auto now = bytes_of(path), then = std::string(reinterpret_cast<const char*>(pattern(8'192, 0).data()), 8'192);
    std::string changed;
    for (std::size_t i = 0; i < now.size(); ++i)
      if (now[i] != then[i]) changed += std::to_string(i) + ' ';
    steps.push_back(changed);
  });
  auto last = pattern(8'192, 0);
  last[10] ^= std::byte{1};
  file.write(0, std::span(last).first(100), 9);
  auto first = pattern(8'192, 0);
  first[5'000] ^= std::byte{1};
  first[5'002] ^= std::byte{1};
  file.write(4'990, std::span(first).subspan(4'990, 100), 2);
  file.write(7'000, std::span(first).subspan(7'000, 100), 1);  // the same as before: not written
  ASSERT_TRUE(file.commit());
  EXPECT_EQ(steps, (std::vector<std::string>{"5000 5002 ", "10 5000 5002 "}));
}

TEST_F(CommitFileTest, WhatLiesBehindTheStatedEndIsGivenUp) {
  fill(9'000);
  CommitFile file(open(), path);
  file.set_old_end(6'000);
  file.write(6'000, pattern(100, 4), 1);
  std::vector<std::byte> got(200);
  ASSERT_TRUE(file.read(6'000, got));
  EXPECT_EQ(got[0], std::byte{4});
  EXPECT_EQ(got[150], std::byte{0});
  ASSERT_TRUE(file.commit());
  EXPECT_EQ(std::filesystem::file_size(path), 6'100U);
}

TEST_F(CommitFileTest, AGuardedPartIsReplacedInTwoStepsAroundTheOthers) {
  fill(1'000);
  std::vector<std::string> steps;
  CommitFile file(open(), path, [&](std::string_view step) {
    if (step == "write old") steps.push_back(bytes_of(path).substr(100, 4) + bytes_of(path).substr(500, 2));
  });
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  file.write(500, bytes("ab"), 5);
  file.write_guarded(100, bytes("WXYZ"), 6, 101, bytes("--"), 4);
  file.write_guarded(2'000, bytes("WXYZ"), 6, 2'001, bytes("--"), 4);  // new: needs no guard
  const std::string before = bytes_of(path);
  ASSERT_TRUE(file.commit());
  const std::string guarded = before.substr(100, 1) + "--" + before.substr(103, 1);
  EXPECT_EQ(steps, (std::vector<std::string>{guarded + before.substr(500, 2), guarded + "ab", "WXYZab"}));
  EXPECT_EQ(bytes_of(path).substr(2'000), "WXYZ");
}

TEST(Sidecar, ComesBackAndEveryCutOrFlippedByteIsNoticed) {
  Sidecar sidecar{10'000, 0xDEADBEEF, {{0, {std::byte{1}, std::byte{2}}}, {9'998, {std::byte{3}, std::byte{4}}}, {17, {}}}};
  const auto bytes = encode(sidecar);
  const auto back = decode(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->file_size, 10'000U);
  EXPECT_EQ(back->tail_crc, 0xDEADBEEF);
  ASSERT_EQ(back->patches.size(), 3U);
  EXPECT_EQ(back->patches[1].address, 9'998U);
  EXPECT_EQ(back->patches[1].bytes, sidecar.patches[1].bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode(std::span(bytes).first(size))) << size;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto flipped = bytes;
    flipped[i] ^= std::byte{0x10};
    EXPECT_FALSE(decode(flipped)) << i;
  }
  sidecar.patches[1].address = 9'999;  // reaches behind the end of the file
  EXPECT_FALSE(decode(encode(sidecar)));
}

}  // namespace
}  // namespace perun
