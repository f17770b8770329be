// SPDX-License-Identifier: BSD-3-Clause
#include "report/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>

namespace perun {

std::string gzip(std::string_view bytes) {
  constexpr int best_for_time = 6, window_and_gzip_header = 15 + 16, memory = 9;
  z_stream stream{};
  if (::deflateInit2(&stream, best_for_time, Z_DEFLATED, window_and_gzip_header, memory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  std::string out;
  std::string piece(std::size_t{1} << 18, '\0');
  constexpr std::size_t most = std::size_t{1} << 30;  // what a uInt holds
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    const std::size_t length = std::min(bytes.size(), most);
    // zlib reads only, but says so nowhere.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(length);
    bytes.remove_prefix(length);
    const int flush = bytes.empty() ? Z_FINISH : Z_NO_FLUSH;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream.avail_out = static_cast<uInt>(piece.size());
      state = ::deflate(&stream, flush);
      out.append(piece, 0, piece.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }
  ::deflateEnd(&stream);
  return out;
}

}  // namespace perun
