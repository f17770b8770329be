// SPDX-License-Identifier: BSD-3-Clause
// Files that are not what they should be, and files that several programs want at once.
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "store/store.hpp"
#include "support/sample_run.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using test::sample_run;
using test::sample_summary;

struct StoreFileTest : testing::Test {
  using Run = perun::Run;  // not testing::Test::Run
  test::Tree tree;
  std::filesystem::path file = tree.at("out/app.hdf5");

  Result<int> append(const Run& run) { return append_run(file, run, sample_summary()); }
};

TEST_F(StoreFileTest, ForeignFilesAreNamed) {
  const auto message = [&](const std::filesystem::path& path) {
    const auto store = Store::open(path);
    EXPECT_FALSE(store);
    return store ? Error{} : store.error();
  };
  const auto quoted = [](const std::filesystem::path& path) { return "'" + path.string() + "'"; };

  const auto absent = message(tree.at("out/none.hdf5"));
  EXPECT_EQ(absent.code, Errc::not_found);
  EXPECT_EQ(absent.what, "cannot open " + quoted(tree.at("out/none.hdf5")) + ": No such file or directory");

  tree.file("text.hdf5", "hello, this is not HDF5\n").file("empty.hdf5", "");
  for (const auto* name : {"text.hdf5", "empty.hdf5"}) {
    const auto foreign = message(tree.at(name));
    EXPECT_EQ(foreign.code, Errc::format);
    EXPECT_EQ(foreign.what, quoted(tree.at(name)) + " is not an HDF5 file");
    const auto before = std::filesystem::file_size(tree.at(name));
    const auto added = append_run(tree.at(name), sample_run(), sample_summary());
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().what, foreign.what);
    EXPECT_EQ(std::filesystem::file_size(tree.at(name)), before);
    EXPECT_EQ(check_appendable(tree.at(name), "app").error().what, foreign.what);
  }

  const auto other = tree.at("other.hdf5");
  H5Fclose(H5Fcreate(other.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  EXPECT_EQ(message(other).what, quoted(other) + " is an HDF5 file but not one of perun's");
  EXPECT_EQ(append_run(other, sample_run(), sample_summary()).error().what,
            quoted(other) + " is an HDF5 file but not one of perun's");
  EXPECT_EQ(message(other).hint, "use another --name or --data_out");

  EXPECT_EQ(message(tree.root()).what, quoted(tree.root()) + " is a directory");
  ASSERT_EQ(::mkfifo(tree.at("fifo").c_str(), 0600), 0);
  EXPECT_EQ(message(tree.at("fifo")).what, quoted(tree.at("fifo")) + " is not a regular file");
}

TEST_F(StoreFileTest, AFileOfANewerPerunIsNamed) {
  ASSERT_TRUE(append(sample_run()));
  {
    const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t format = H5Aopen(id, "perun_format", H5P_DEFAULT);
    const std::int64_t two = 2;
    H5Awrite(format, H5T_NATIVE_INT64, &two);
    H5Aclose(format);
    H5Fclose(id);
  }
  const auto store = Store::open(file);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().what, "'" + file.string() + "' was written by a newer perun (its format is 2, this perun knows 1)");
  EXPECT_FALSE(append(sample_run()));
}

TEST_F(StoreFileTest, TruncatedAndDamagedFilesGiveErrorsNotCrashes) {
  ASSERT_TRUE(append(sample_run(4, 3)));
  std::stringstream buffer;
  buffer << std::ifstream(file, std::ios::binary).rdbuf();
  const std::string whole = buffer.str();
  const auto broken = tree.at("broken.hdf5");
  const auto write = [&](const std::string& bytes) { std::ofstream(broken, std::ios::binary | std::ios::trunc) << bytes; };
  const auto read_everything = [&] {
    const auto store = Store::open(broken);
    if (!store) return false;
    bool good = true;
    const auto list = store->list();
    if (!list) return false;
    for (const auto& run : *list) good = store->load(run.number) && good;
    return good;
  };
  write(whole);
  EXPECT_TRUE(read_everything());
  for (std::size_t size = 1; size < whole.size(); size += whole.size() / 40) {
    write(whole.substr(0, size));
    EXPECT_FALSE(read_everything()) << size;
    EXPECT_FALSE(append_run(broken, sample_run(), sample_summary())) << size;
    EXPECT_EQ(std::filesystem::file_size(broken), size);
  }
  const auto cut = Store::open(broken);
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().what.find("truncated file"), std::string::npos) << cut.error().what;
}

TEST_F(StoreFileTest, ADatasetThatStatesMoreThanItHoldsIsRefused) {
  ASSERT_TRUE(append(sample_run(1, 1)));
  {
    const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t node = H5Gopen2(id, "app/exp_0/node", H5P_DEFAULT);
    H5Ldelete(node, "rapl_package_0", H5P_DEFAULT);
    const hsize_t rows = hsize_t{1} << 50, chunk = 1024;
    const hid_t space = H5Screate_simple(1, &rows, nullptr), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 1, &chunk);
    H5Dclose(H5Dcreate2(node, "rapl_package_0", H5T_STD_I64LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
    H5Pclose(list);
    H5Sclose(space);
    H5Gclose(node);
    H5Fclose(id);
  }
  const auto run = Store::open(file)->load(0);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Errc::format);
  EXPECT_EQ(run.error().what,
            "'" + file.string() + "': run 0, node 'node': the dataset 'rapl_package_0' lacks the attributes of a device");
}

TEST_F(StoreFileTest, UnwritableFoldersAreFoundBeforehand) {
  EXPECT_TRUE(check_appendable(tree.at("new/folder/app.hdf5"), "app"));
  tree.file("plain", "x");
  const auto below_a_file = check_appendable(tree.at("plain/app.hdf5"), "app");
  ASSERT_FALSE(below_a_file);
  const auto added = append_run(tree.at("plain/app.hdf5"), sample_run(), sample_summary());
  ASSERT_FALSE(added);
}

// Several programs at once.

TEST_F(StoreFileTest, AWriterWaitsAndGivesUpInTime) {
  ASSERT_TRUE(append(sample_run()));
  const auto reader = Store::open(file);
  ASSERT_TRUE(reader);
  const auto begin = std::chrono::steady_clock::now();
  const auto refused = append_run(file, sample_run(), sample_summary(), false, 60);
  const auto waited = std::chrono::steady_clock::now() - begin;
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::busy);
  EXPECT_EQ(refused.error().what, "'" + file.string() + "' is in use by another program");
  EXPECT_GE(waited, std::chrono::milliseconds(60));
  EXPECT_TRUE(Store::open(file)) << "readers do not wait for each other";
}

TEST_F(StoreFileTest, AWriterGetsInWhenTheReaderGoes) {
  ASSERT_TRUE(append(sample_run()));
  int go[2] = {};
  ASSERT_EQ(::pipe(go), 0);
  const pid_t writer = ::fork();  // before the reader is there: a forked child would hold its lock, too
  if (writer == 0) {
    char byte = 0;
    ::_exit(::read(go[0], &byte, 1) == 1 && append(sample_run()) ? 0 : 1);
  }
  {
    const auto reader = Store::open(file);
    ASSERT_TRUE(reader);
    ASSERT_EQ(::write(go[1], "x", 1), 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(reader->list()->size(), 1U);
  }
  ::close(go[0]);
  ::close(go[1]);
  int status = -1;
  ::waitpid(writer, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Store::open(file)->list()->size(), 2U);
}

TEST_F(StoreFileTest, EightWritersOfANewFileAllGetIn) {
  constexpr int writers = 8, rounds = 3;
  std::vector<pid_t> children;
  for (int i = 0; i < writers; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int k = 0; k < rounds; ++k) {
        Run run = sample_run();
        run.id = "writer-" + std::to_string(i) + "-" + std::to_string(k);
        if (!append(run)) ::_exit(1);
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const auto child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const auto store = Store::open(file);
  ASSERT_TRUE(store);
  const auto list = store->list();
  ASSERT_TRUE(list);
  std::set<std::string> ids;
  std::vector<int> numbers;
  for (const auto& run : *list) {
    ids.insert(run.id);
    numbers.push_back(run.number);
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(writers * rounds));
  ASSERT_EQ(numbers.size(), static_cast<std::size_t>(writers * rounds));
  EXPECT_EQ(numbers.front(), 0);
  EXPECT_EQ(numbers.back(), writers * rounds - 1);
  EXPECT_EQ(store->totals().runs, writers * rounds);
  for (const auto& entry : std::filesystem::directory_iterator(file.parent_path()))
    EXPECT_EQ(entry.path(), file) << "left behind";
}

}  // namespace
}  // namespace perun
