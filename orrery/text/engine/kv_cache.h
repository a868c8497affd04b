// The paged key and value cache with prefix sharing.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/kernels/attention/kv_page.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

using PageId = int32_t;

/// Pages of 64 tokens for all layers. A page that is full is remembered under its tokens and the page before it; a
/// later sequence that begins with the same tokens takes it instead of computing it. Pages nobody holds stay until
/// their memory is needed, the least recently used going first. One thread at a time.
class KvCache {
 public:
  /// Memory is reserved, not touched: only pages in use count.
  KvCache(const kernels::KvFormat& format, int64_t layers, int64_t pages);

  const kernels::KvFormat& format() const { return format_; }
  int64_t page_count() const { return static_cast<int64_t>(pages_.size()); }
  int64_t bytes() const { return static_cast<int64_t>(memory_.size()); }
  /// Pages that take() can still give.
  int64_t available() const { return available_; }
  std::byte* page(PageId page) const { return memory_.data() + page * page_bytes(); }
  int64_t page_bytes() const { return layers_ * format_.page_bytes(); }
  /// Bytes from the start of a page to a layer's part.
  int64_t layer_offset(int64_t layer) const { return layer * format_.page_bytes(); }

  /// The remembered pages that hold the longest prefix of `tokens`, at most `most` pages; each is held for the caller.
  /// `root`: whatever else their content depends on (adapters, how keys are rotated); 0, or a number with the highest
  /// bit set.
  std::vector<PageId> find_prefix(std::span<const TokenId> tokens, int64_t most, uint64_t root = 0);
  /// The remembered page that holds these 64 tokens after the page `before` (-1: a first page, of sequences with this
  /// root), held for the caller; -1: there is none.
  PageId find_next(PageId before, std::span<const TokenId> tokens, uint64_t root = 0);
  /// A page for the caller to fill, held for it. There must be one available().
  PageId take();
  /// Remembers a page that has become full: its 64 tokens, after the page `before` (-1: it is the first, of
  /// sequences with this root). If the same content is remembered already nothing changes.
  void remember(PageId page, PageId before, std::span<const TokenId> tokens, uint64_t root = 0);
  /// Lets a page go. Release a sequence's pages from last to first: what is released first is given away first.
  void release(PageId page);

 private:
  struct Page {
    int32_t holders = 0;
    uint64_t last_use = 0;
    uint64_t serial = 0;  // changes when the page gets new content, so that children of old content are never found
    uint64_t parent_serial = 0;   // of the page before; the root for a first page
    std::vector<TokenId> tokens;  // what is remembered; empty: nothing
    uint64_t hash = 0;
  };
  static uint64_t hash_of(uint64_t parent_serial, std::span<const TokenId> tokens);
  PageId find(uint64_t parent_serial, std::span<const TokenId> tokens) const;
  void hold(PageId page);
  void forget(PageId page);

  kernels::KvFormat format_;
  int64_t layers_;
  Buffer memory_;
  std::vector<Page> pages_;
  std::vector<PageId> empty_;                             // hold nothing worth keeping
  std::unordered_multimap<uint64_t, PageId> remembered_;  // by hash
  int64_t available_ = 0;
  uint64_t clock_ = 0, next_serial_ = 1;
};

}  // namespace orrery::text
