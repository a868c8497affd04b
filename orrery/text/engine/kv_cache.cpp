#include "orrery/text/engine/kv_cache.h"

#include <algorithm>

namespace orrery::text {

using kernels::kPageTokens;

KvCache::KvCache(const kernels::KvFormat& format, int64_t layers, int64_t pages)
    : format_(format),
      layers_(layers),
      memory_(static_cast<size_t>(pages * layers * format.page_bytes())),
      pages_(static_cast<size_t>(pages)),
      available_(pages) {
  for (int64_t page = pages - 1; page >= 0; --page) empty_.push_back(static_cast<PageId>(page));
}

uint64_t KvCache::hash_of(uint64_t parent_serial, std::span<const TokenId> tokens) {
  uint64_t hash = parent_serial * 0x9e3779b97f4a7c15u + 1;
  for (TokenId token : tokens) {
    hash = (hash ^ static_cast<uint32_t>(token)) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }
  return hash;
}

PageId KvCache::find(uint64_t parent_serial, std::span<const TokenId> tokens) const {
  const auto [first, last] = remembered_.equal_range(hash_of(parent_serial, tokens));
  for (auto it = first; it != last; ++it) {
    const Page& page = pages_[it->second];
    if (page.parent_serial == parent_serial && std::ranges::equal(page.tokens, tokens)) return it->second;
  }
  return -1;
}

void KvCache::hold(PageId page) {
  if (pages_[page].holders++ == 0) --available_;
  pages_[page].last_use = ++clock_;
}

std::vector<PageId> KvCache::find_prefix(std::span<const TokenId> tokens, int64_t most, uint64_t root) {
  std::vector<PageId> found;
  uint64_t parent = root;
  while (static_cast<int64_t>(found.size()) < most && tokens.size() >= static_cast<size_t>(kPageTokens)) {
    const PageId page = find(parent, tokens.first(kPageTokens));
    if (page < 0) break;
    hold(page);
    found.push_back(page);
    parent = pages_[page].serial;
    tokens = tokens.subspan(kPageTokens);
  }
  return found;
}

PageId KvCache::find_next(PageId before, std::span<const TokenId> tokens, uint64_t root) {
  const PageId page = find(before < 0 ? root : pages_[before].serial, tokens);
  if (page >= 0) hold(page);
  return page;
}

PageId KvCache::take() {
  PageId page = -1;
  if (!empty_.empty()) {
    page = empty_.back();
    empty_.pop_back();
  } else {
    for (size_t i = 0; i < pages_.size(); ++i) {
      if (pages_[i].holders == 0 && (page < 0 || pages_[i].last_use < pages_[page].last_use))
        page = static_cast<PageId>(i);
    }
    forget(page);
  }
  pages_[page].serial = next_serial_++;
  hold(page);
  return page;
}

void KvCache::remember(PageId page, PageId before, std::span<const TokenId> tokens, uint64_t root) {
  const uint64_t parent = before < 0 ? root : pages_[before].serial;
  Page& p = pages_[page];
  if (const PageId same = find(parent, tokens); same >= 0) {
    p.serial = pages_[same].serial;  // pages that follow this one follow the remembered one too
    return;
  }
  p.parent_serial = parent;
  p.tokens.assign(tokens.begin(), tokens.end());
  p.hash = hash_of(parent, tokens);
  remembered_.emplace(p.hash, page);
}

void KvCache::forget(PageId page) {
  Page& p = pages_[page];
  const auto [first, last] = remembered_.equal_range(p.hash);
  for (auto it = first; it != last; ++it) {
    if (it->second == page) {
      remembered_.erase(it);
      break;
    }
  }
  p.tokens.clear();
}

void KvCache::release(PageId page) {
  Page& p = pages_[page];
  if (--p.holders > 0) return;
  p.last_use = ++clock_;
  ++available_;
  if (p.tokens.empty()) empty_.push_back(page);
}

}  // namespace orrery::text
