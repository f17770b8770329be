// SPDX-License-Identifier: BSD-3-Clause
#include "host/library.hpp"

#include <dlfcn.h>

#include <string>

namespace perun {

Library::Library(const std::filesystem::path& folder, std::string_view name)
    : handle_(::dlopen(folder.empty() ? std::string(name).c_str() : (folder / name).c_str(),
                       RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) {}

Library::~Library() {
  if (handle_ != nullptr) ::dlclose(handle_);
}

void* Library::symbol(const char* name) const noexcept {
  return handle_ == nullptr ? nullptr : ::dlsym(handle_, name);
}

}  // namespace perun
