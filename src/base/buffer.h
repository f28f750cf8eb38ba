// Buffer: bytes read and not yet used up. Memory is never filled in advance and is kept from use to use.
//
// Who calls: whoever reads a socket. Thread: one owner. A view() lives until the next space() or shrink().
#pragma once

#include <cstring>
#include <memory>
#include <string_view>

namespace sl {

class Buffer {
 public:
  std::string_view view() const { return {data_.get() + start_, end_ - start_}; }
  size_t size() const { return end_ - start_; }
  bool empty() const { return start_ == end_; }

  // The first `n` bytes are used up.
  void consume(size_t n) {
    start_ += n;
    if (start_ == end_) start_ = end_ = 0;
  }
  void clear() { start_ = end_ = 0; }

  // Room for `n` bytes behind what is there; commit() says how many of them came.
  char* space(size_t n) {
    if (capacity_ - end_ < n) make_room(n);
    return data_.get() + end_;
  }
  size_t room() const { return capacity_ - end_; }
  void commit(size_t n) { end_ += n; }

  // An empty buffer lets go of memory over `capacity_max`.
  void shrink(size_t capacity_max) {
    if (!empty() || capacity_ <= capacity_max) return;
    data_.reset();
    capacity_ = 0;
  }

 private:
  void make_room(size_t n) {
    size_t used = size();
    if (capacity_ >= used + n && start_ > 0) {
      std::memmove(data_.get(), data_.get() + start_, used);
    } else {
      size_t capacity = used + n;
      auto bigger = std::make_unique_for_overwrite<char[]>(capacity);
      if (used) std::memcpy(bigger.get(), data_.get() + start_, used);
      data_ = std::move(bigger);
      capacity_ = capacity;
    }
    start_ = 0;
    end_ = used;
  }

  std::unique_ptr<char[]> data_;
  size_t capacity_ = 0, start_ = 0, end_ = 0;
};

}  // namespace sl
