// What a gated layer with SiLU (Shazeer 2020, "GLU Variants Improve Transformer", SwiGLU) gives back to its inputs.
#pragma once

#include <span>

namespace orrery::kernels {

/// For y = silu(gate)·up (kernels::activate_gated), s = sigmoid(gate):
///   d_up = d_y·gate·s;  d_gate = d_y·up·s·(1 + gate·(1 - s))
/// All of one length; the outputs may be inputs. 20 bytes move per value and one e^x is computed.
void silu_gate_backward(std::span<const float> gate, std::span<const float> up, std::span<const float> d_y,
                        std::span<float> d_gate, std::span<float> d_up);

/// In plain loops, in double.
void silu_gate_backward_reference(std::span<const float> gate, std::span<const float> up, std::span<const float> d_y,
                                  std::span<float> d_gate, std::span<float> d_up);

}  // namespace orrery::kernels
