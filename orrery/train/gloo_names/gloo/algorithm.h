// libtorch's header of its Gloo process groups names types of Gloo, whose own headers the torch package leaves out.
// These files name them and no more: all that touches them lies inside libtorch.
#pragma once
