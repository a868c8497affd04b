#include "orrery/serve/http/exchange.h"

#include <cassert>
#include <utility>

namespace orrery::serve {

Exchange::Exchange(Request request, Post post, std::function<void()> wake)
    : request_(std::move(request)), post_(std::move(post)), wake_(std::move(wake)) {}

void Exchange::respond(Response response) {
  assert(state_ == State::kOpen);
  record.status = response.status;
  response_ = std::move(response);
  state_ = State::kWhole;
  wake_();
}

void Exchange::begin(std::string content_type, Headers headers) {
  assert(state_ == State::kOpen);
  record.status = 200;
  response_ = {.content_type = std::move(content_type), .headers = std::move(headers)};
  state_ = State::kStreaming;
  wake_();
}

void Exchange::write(std::string_view piece) {
  assert(state_ == State::kStreaming);
  if (gone()) return;
  pieces_ += piece;
  record.bytes += piece.size();
  wake_();
}

void Exchange::end() {
  assert(state_ == State::kStreaming);
  state_ = State::kEnded;
  wake_();
}

std::string Exchange::take_pieces() {
  in_flight_ = pieces_.size();
  return std::exchange(pieces_, {});
}

void Exchange::sent() {
  in_flight_ = 0;
  if (pieces_.empty() && on_drained_) on_drained_();
}

void Exchange::set_gone() {
  if (gone_.exchange(true)) return;
  if (closed_) return;
  pieces_.clear();
  if (auto callback = std::exchange(on_gone_, nullptr)) callback();
}

void Exchange::close() {
  if (std::exchange(closed_, true)) return;
  if (auto callback = std::exchange(on_closed_, nullptr)) callback();
  on_gone_ = on_drained_ = nullptr;  // they may hold the exchange itself
}

}  // namespace orrery::serve
