// SPDX-License-Identifier: BSD-3-Clause
// perun for C++: a region lasts as long as an object, whatever way its scope is left. Header only, on top of perun.h.
#ifndef PERUN_HPP
#define PERUN_HPP

#include <perun/perun.h>

#include <string>

namespace perun {

/// A region that is looked up once: `static const perun::Name step("train step");`
class Name {
 public:
  explicit Name(const char* name) noexcept : id_(perun_region_id(name)) {}
  explicit Name(const std::string& name) noexcept : id_(perun_region_id_n(name.data(), name.size())) {}
  perun_region id() const noexcept { return id_; }

 private:
  perun_region id_;
};

/// One call of a region, from construction to destruction, in one thread.
class Region {
 public:
  explicit Region(const char* name) noexcept : id_(perun_active() ? perun_region_id(name) : 0) { perun_enter(id_); }
  explicit Region(const std::string& name) noexcept : Region(Name(name)) {}
  explicit Region(const Name& name) noexcept : id_(name.id()) { perun_enter(id_); }
  ~Region() { perun_leave(id_); }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  /// Ends the call early.
  void end() noexcept {
    perun_leave(id_);
    id_ = 0;
  }
  /// Forgets it.
  void cancel() noexcept {
    perun_forget(id_);
    id_ = 0;
  }

 private:
  perun_region id_;
};

inline bool active() noexcept { return perun_active() != 0; }
inline void mark(const std::string& text) noexcept { perun_note(perun_region_id_n(text.data(), text.size())); }
inline void count(const std::string& name, double n) noexcept { perun_add(perun_region_id_n(name.data(), name.size()), n); }

}  // namespace perun

#endif
