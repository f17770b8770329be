// SPDX-License-Identifier: BSD-3-Clause
#include "host/lock_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "host/owner.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

/// A child that sleeps until it is killed, or has ended already and waits to be collected.
class Child {
 public:
  explicit Child(bool ends) : pid_(::fork()) {
    if (pid_ == 0) {
      if (!ends) ::pause();
      ::_exit(0);
    }
    if (ends) {
      siginfo_t info{};
      ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    }
  }
  ~Child() { collect(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }
  void collect() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

Owner owner_of(pid_t pid) {
  Owner owner = this_process();
  owner.pid = pid;
  owner.started = 0;
  return owner;
}

TEST(OwnerTest, SurvivesItsOwnSpelling) {
  const Owner me = this_process();
  EXPECT_EQ(me.pid, ::getpid());
  EXPECT_GT(me.started, 0);
  EXPECT_EQ(me.boot_id.size(), 36U);
  EXPECT_EQ(decode_owner(encode(me)), me);
  for (const auto* text : {"", "[]", "7", "{\"pid\": 1", "nonsense"}) EXPECT_FALSE(decode_owner(text)) << text;
  EXPECT_EQ(decode_owner("{\"pid\": \"1\", \"host\": 7}"), Owner{});
}

TEST(OwnerTest, TheDeadAndTheUnknownAreToldFromTheLiving) {
  EXPECT_EQ(life_of(this_process()), Life::alive);
  Child sleeper(false);
  EXPECT_EQ(life_of(owner_of(sleeper.pid())), Life::alive);
  Owner reused = owner_of(sleeper.pid());
  reused.started = this_process().started - 1;
  EXPECT_EQ(life_of(reused), Life::dead) << "another process of the same number";
  const Owner gone = owner_of(sleeper.pid());
  sleeper.collect();
  EXPECT_EQ(life_of(gone), Life::dead);
  EXPECT_TRUE(is_dying(gone));
  EXPECT_FALSE(is_dying(this_process()));
  const Child zombie(true);
  EXPECT_TRUE(is_dying(owner_of(zombie.pid())));
  EXPECT_EQ(life_of(owner_of(zombie.pid())), Life::dead) << "ended, and only waits to be collected";
  Owner far = this_process();
  far.boot_id = "another";
  EXPECT_FALSE(is_dying(far)) << "nobody here can tell";
  EXPECT_EQ(life_of(far), Life::elsewhere);
  EXPECT_FALSE(same_boot(far));
  far = this_process();
  far.pid_namespace = "pid:[1]";
  EXPECT_EQ(life_of(far), Life::elsewhere);
  EXPECT_TRUE(same_boot(far));
  EXPECT_EQ(life_of(Owner{}), Life::elsewhere);
  far = this_process();
  far.pid = std::int64_t{1} << 40;
  EXPECT_EQ(life_of(far), Life::elsewhere);
}

struct LockFileTest : testing::Test {
  test::Tree tree;
  std::filesystem::path path = lock_file_of(tree.at("data.hdf5"));

  void held_by(const std::string& text, int seconds_ago = 0) {
    std::ofstream(path) << text;
    const timespec then{::time(nullptr) - seconds_ago, 0};
    const timespec times[]{then, then};
    ::utimensat(AT_FDCWD, path.c_str(), times, 0);
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(tree.root()), {}));
  }
};

TEST_F(LockFileTest, OneHasItAndGivesItBack) {
  EXPECT_EQ(path, tree.at(".data.hdf5.lock"));
  {
    auto lock = LockFile::take(path);
    ASSERT_TRUE(lock) << lock.error().what;
    EXPECT_TRUE(lock->still_ours());
    const auto second = LockFile::take(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::busy);
    EXPECT_NE(second.error().what.find("held by process " + std::to_string(::getpid())), std::string::npos);
    const LockFile moved = std::move(*lock);
    EXPECT_TRUE(moved.still_ours());
  }
  EXPECT_EQ(files(), 0U) << "nothing is left, the moved-from one removed nothing twice";
  EXPECT_TRUE(LockFile::take(path));
}

TEST_F(LockFileTest, TheLockOfADeadOwnerIsTakenAwayAtOnce) {
  const Child zombie(true);
  held_by(encode(owner_of(zombie.pid())));
  EXPECT_TRUE(LockFile::take(path));
  EXPECT_EQ(files(), 0U);
}

TEST_F(LockFileTest, TheLockOfAnOwnerNobodyCanAskIsWaitedForFiveMinutes) {
  Owner far = this_process();
  far.boot_id = "another";
  for (const std::string& text : {encode(far), std::string(), std::string("not JSON")}) {
    held_by(text, 250);
    EXPECT_EQ(LockFile::take(path).error().code, Errc::busy) << text;
    held_by(text, 350);
    EXPECT_TRUE(LockFile::take(path)) << text;
  }
}

TEST_F(LockFileTest, ALivingOwnerMayBeSlow) {
  held_by(encode(this_process()), 100'000);
  EXPECT_EQ(LockFile::take(path).error().code, Errc::busy);
}

TEST_F(LockFileTest, WhoWasThoughtDeadSeesThatItsLockIsGone) {
  auto lock = LockFile::take(path);
  ASSERT_TRUE(lock);
  std::filesystem::remove(path);
  const auto other = LockFile::take(path);
  ASSERT_TRUE(other);
  EXPECT_FALSE(lock->still_ours());
  lock->give_back();
  EXPECT_TRUE(other->still_ours()) << "another's lock is not given back";
}

TEST_F(LockFileTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_EQ(LockFile::take(tree.at("none/.x.lock")).error().code, Errc::not_found);
}

TEST_F(LockFileTest, FlockIsTakenOrBusyOrNotThere) {
  const Fd a(::open(tree.at("f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)),
      b(::open(tree.at("f").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(try_flock(a.get(), LOCK_EX), Flock::taken);
  EXPECT_EQ(try_flock(b.get(), LOCK_SH), Flock::busy);
  EXPECT_EQ(try_flock(-1, LOCK_SH), Flock::none);
}

TEST_F(LockFileTest, AgesGoByTheClockOfTheFileSystem) {
  held_by("", 100);
  EXPECT_NEAR(static_cast<double>(age_ns(path)) * 1e-9, 100, 20);
  EXPECT_EQ(files(), 1U);
}

}  // namespace
}  // namespace perun
